import time
from sqlalchemy import text
from connectpulse.core.services.conversations import talk, threads, listing
from connectpulse.core.storage.models import Contact
from tests.unit.core.services.inbox_scene import Desk
from tests.unit.core.services.test_conversations import desk, ZARA  # noqa
from tests.unit.core.services.conftest import scene  # noqa

def test_it(desk):
    c = desk.contact(ZARA)
    with desk.scene.work() as w:
        t=time.time()
        w.session.execute(text("INSERT INTO pulse_message (organisation_id, contact_id, changed_at, state, parts, quantity, units, channel, address, sender, body) SELECT :o, CASE WHEN n % 50 = 0 THEN :c ELSE n END, now(), 20, 1,1,1,'postcard', CASE WHEN n % 50 = 0 THEN :a ELSE 'p' || n || '@x.org' END, 'A', 'Message of some length ' || n FROM generate_series(1, 1000000) n"), {"o": desk.scene.organisation, "c": c, "a": ZARA})
        print("insert", time.time()-t)
        w.session.execute(text("INSERT INTO pulse_inbound (organisation_id, contact_id, connection_id, channel, address, recipient, body, received_at) SELECT :o, CASE WHEN n % 10 = 0 THEN :c ELSE n END, 1, 'postcard', CASE WHEN n % 10 = 0 THEN :a ELSE 'p' || n || '@x.org' END, 'A', 'in ' || n, now() FROM generate_series(1, 100000) n"), {"o": desk.scene.organisation, "c": c, "a": ZARA})
        w.session.execute(text("INSERT INTO pulse_thread (organisation_id, scheme, address, state, unread, last_id, waiting_since) SELECT :o, 'email', 'q' || n || '@x.org', CASE WHEN n % 3 = 0 THEN 'open' ELSE 'done' END, n % 2, n*1000, CASE WHEN n % 3 = 0 THEN now() END FROM generate_series(1, 200000) n"), {"o": desk.scene.organisation})
    desk.hears(ZARA, "Hello")
    with desk.scene.house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as k:
        k.execute(text("VACUUM ANALYZE pulse_message")); k.execute(text("VACUUM ANALYZE pulse_inbound")); k.execute(text("ANALYZE pulse_thread"))
        print(k.execute(text("select string_agg(relname||' '||pg_size_pretty(pg_relation_size(oid)), ', ') from pg_class where relname like '%contact_id%' and pg_relation_size(oid) > 1000000")).scalar())
    def run(label):
        with desk.scene.work() as w:
            p = threads.party_of(w.session.get(Contact, c))
            for before in (None, 'x'):
                if before == 'x': before = page.older
                best = 9
                for _ in range(5):
                    t=time.perf_counter(); page = talk.page(w, p, before); best=min(best,time.perf_counter()-t)
                print(label, "page", before, f"{best*1000:.1f} ms", len(page.entries))
            facts={"organisation": desk.scene.organisation, "contact": c, "addresses":[ZARA], "before": 2**63-1, "most": 31}
            for r in w.session.execute(text("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) "+talk._FOUND), facts): print(r[0])
    run("new")
    with desk.scene.work() as w:
        for v in listing.VIEWS:
            for words in ("", "zara"):
                best=9
                for _ in range(3):
                    t=time.perf_counter(); pg=listing.page(w, v, words=words); best=min(best,time.perf_counter()-t)
                print(v, words, f"{best*1000:.1f} ms", len(pg.lines))
        t=time.perf_counter(); print(listing.unread(w), f"{(time.perf_counter()-t)*1000:.1f} ms unread")
        for words in ("", "zara"):
            where = listing._SEARCHED if words else listing._WHERE["unassigned"]
            facts = {"organisation": desk.scene.organisation, "before": 2**63-1, "most": 26, "snippet": 140, "me": 1} | (listing._meant(w, words) if words else {})
            for r in w.session.execute(text("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+listing._LINES.format(where=where)), facts): print(r[0])
    with desk.scene.house.engine.begin() as k:
        k.execute(text("DROP INDEX ix_pulse_message_contact_id_id")); k.execute(text("CREATE INDEX ON pulse_message (contact_id)"))
        k.execute(text("DROP INDEX ix_pulse_inbound_contact_id_id")); k.execute(text("CREATE INDEX ON pulse_inbound (contact_id)"))
    run("old")
