// What pages need beyond HTML: the theme, searching selects, and a second thought before acts.
(() => {
  const root = document.documentElement;
  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const found = event.target.closest?.(selector);
      if (found) act(found, event);
    });

  on("click", "[data-theme-switch]", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  });

  on("change", "[data-submit]", (field) => field.form.requestSubmit());

  on("submit", "form[data-ask]", (form, event) => {
    if (!confirm(form.dataset.ask)) event.preventDefault();
  });

  // A second click must not send a form twice; the server would refuse it, but people should not see that.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) {
      if (!form.hasAttribute?.("data-once") || event.defaultPrevented) return;
    }
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });

  // A field may belong to certain answers of another one; that one counts by its default while it is hidden itself.
  const answer = (input) => {
    const place = input.closest(".field");
    if (place.hidden) return place.dataset.empty;
    return input.type === "checkbox" ? (input.checked ? "yes" : "no") : input.value;
  };
  const ask = (form) => {
    for (const field of form.querySelectorAll("[data-only]")) {
      const other = form.elements[field.dataset.only];
      field.hidden = Boolean(other) && !field.matches(".wrong") && !JSON.parse(field.dataset.values).includes(answer(other));
    }
    for (const group of form.querySelectorAll(".group:has([data-only])"))
      group.hidden = !group.querySelector(":scope > .fields > .field:not([hidden])");
  };
  const askAll = () => [...document.forms].forEach(ask);
  on("input", "form", ask);
  addEventListener("pageshow", askAll);
  askAll();

  // What can be put into a text stands below the one that was written in last; one of it is reached by Tab, all by arrows.
  const inserts = document.querySelector("[data-inserts]");
  const chips = [...(inserts?.querySelectorAll("button") ?? [])];
  const reach = (chip) => chips.forEach((each) => (each.tabIndex = each === chip ? 0 : -1));
  const texts = "textarea[name], input[type=text][name]:not([name=name])";
  const first = (form) => [...form.querySelectorAll(texts)].find((each) => !each.closest("[hidden]"));
  let lastText;
  const write = (field) => {
    lastText = field;
    field?.closest(".field").after(inserts);
  };
  if (inserts) {
    write(first(inserts.closest("form")));
    reach(chips[0]);
    on("focusin", texts, (field) => field.form === inserts.closest("form") && write(field));
  }
  on("keydown", "[data-inserts]", (bar, event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const chip = chips.at((chips.indexOf(event.target) + step) % chips.length);
    reach(chip);
    chip.focus();
  });
  on("click", "[data-insert]", (chip) => {
    const form = chip.closest("form");
    const field = form.contains(lastText) && !lastText.closest("[hidden]") ? lastText : first(form);
    if (!field) return;
    const start = field.selectionStart;
    field.setRangeText(chip.dataset.insert, start, field.selectionEnd, "end");
    field.focus();
    const gap = chip.dataset.insert.indexOf("…");  // what to say to those without a value: the next to be typed
    if (gap >= 0) field.setSelectionRange(start + gap, start + gap + 1);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  /* What is folded away is about other channels than the form's own. */
  const channel_of = (select) => (select.closest("details.group") ? null : select.form?.elements.channel);
  // Pieces of a form: their order is that of their inputs, so moving one is moving its element.
  const said = (list, words) => {
    list.querySelector("[data-piece-said]").textContent = words;
    list.dispatchEvent(new Event("input", { bubbles: true }));
  };
  let fresh = 0;
  on("click", "[data-piece-add]", (button) => {
    const list = button.closest("[data-pieces]");
    const template = list.querySelector(`template[data-shape="${button.dataset.pieceAdd}"]`);
    const key = `n${Date.now().toString(36)}${++fresh}`;
    const made = document.createElement("div");
    made.innerHTML = template.innerHTML.replaceAll(".KEY.", `.${key}.`).replaceAll('value="KEY"', `value="${key}"`);
    const piece = made.querySelector("[data-piece]");
    list.querySelector(".pieces").append(piece);
    (piece.querySelector(":scope .fields :is(input, textarea, select)") ?? piece.querySelector("button")).focus();
    said(list, `${button.textContent.trim()} was added at the end.`);
  });
  const places = { up: (piece) => piece.previousElementSibling?.before(piece), down: (piece) => piece.nextElementSibling?.after(piece) };
  on("click", "[data-piece-act]", (button) => {
    const list = button.closest("[data-pieces]");
    const piece = button.closest("[data-piece]");
    const title = piece.querySelector("legend").textContent.trim();
    if (button.dataset.pieceAct === "out") {
      if (piece.contains(inserts)) list.closest(".field").after(inserts);
      const next = piece.nextElementSibling ?? piece.previousElementSibling;
      piece.remove();
      (next?.querySelector("[data-piece-act=out]") ?? list.querySelector("[data-piece-add]")).focus();
      return said(list, `${title} was taken out.`);
    }
    places[button.dataset.pieceAct](piece);
    button.focus();
    said(list, `${title} is number ${[...piece.parentElement.children].indexOf(piece) + 1} now.`);
  });

  const pick = (select) => {
    const url = () => {
      const address = new URL(select.dataset.pick, location.href);
      const channel = channel_of(select)?.value;
      if (channel) address.searchParams.set("channel", channel);
      return address;
    };
    let isFound = false;
    const seek = () => { isFound = false; };
    const made = new TomSelect(select, {
      valueField: "value",
      labelField: "text",
      searchField: [],
      preload: "focus",
      maxOptions: 40,
      plugins: [],
      placeholder: select.dataset.hint ?? "Type to search",
      closeAfterSelect: !select.multiple,
      hideSelected: true,
      hidePlaceholder: false,
      onDelete: () => select.multiple || !select.required,
      onItemAdd: () => { isFound = true; },
      onBlur: seek,
      render: select.multiple ? { item: (each, safe) => `<div>${safe(each.text)}<button type="button" class="chip-out" tabindex="-1" aria-label="Take out ${safe(each.text)}">×</button></div>` } : {},
      load(words, done) {
        const address = url();
        if (words) address.searchParams.set("q", words);
        fetch(address, { headers: { "HX-Request": "true" } })
          .then((answer) => (answer.ok ? answer.json() : { results: [] }))
          .then((answer) => {
            made.clearOptions((option) => made.items.includes(String(option.value)));
            done(answer.results);
          })
          .catch(() => done());
      },
      shouldLoad: () => true,
    });
    // What is found for words typed before one was picked must not open the list once more: a person does.
    const open = made.open.bind(made);
    made.open = () => isFound || open();
    for (const type of ["mousedown", "input"]) made.control.addEventListener(type, seek, true);
    made.control.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && seek(), true);
    seek();
    for (const type of ["mousedown", "click"]) made.control.addEventListener(type, (event) => {
      if (!event.target.closest(".chip-out")) return;
      event.preventDefault();
      event.stopPropagation();  // taking one out is no wish to see the others
      if (type === "click") made.removeItem(event.target.closest("[data-value]").dataset.value);
    }, true);
    if (!select.matches("[data-by-channel]")) return;
    channel_of(select)?.addEventListener?.("change", () => {
      made.clear();
      made.clearOptions();
      made.wrapper.classList.remove("preloaded");  // those of the new channel are fetched when it is opened
    });
  };
  for (const select of document.querySelectorAll("select[data-pick]")) pick(select);

  // What keeps a form from being saved may stand far below.
  if (!document.querySelector(".alert.bad")) document.querySelector("form[method=post] [aria-invalid=true]")?.focus();

  // A file is kept as soon as it is chosen; what is shown beside the form shall have it, and it is not sent again.
  on("htmx:after:swap", "input[type=file]", (chosen) => {
    chosen.value = "";
    chosen.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // How a content looks. Each draft gets a frame of its own: one that is led on would fill the history.
  const looks = document.querySelectorAll("[data-look]");
  const fit = (look) => {
    const room = look.querySelector(".look-room");
    const width = Number(look.querySelector("[aria-pressed=true]").dataset.lookWidth);
    room.style.setProperty("--width", `${width}px`);
    room.style.setProperty("--scale", Math.min(1, room.clientWidth / width) || 1);
  };
  let drawn = 0;
  const draw = (look) => {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "");
    frame.title = "How it looks";
    frame.name = `look-${++drawn}`;
    const room = look.querySelector(".look-room");
    room.append(frame);
    frame.addEventListener("load", () => {
      while (room.firstElementChild !== frame) room.firstElementChild.remove();
    });
    const sent = document.createElement("form");
    Object.assign(sent, { method: "post", action: look.dataset.look, target: frame.name, hidden: true });
    for (const [name, value] of new FormData(document.getElementById(look.dataset.lookOf))) {
      if (typeof value !== "string") continue;
      const input = document.createElement("textarea");
      Object.assign(input, { name, value });
      sent.append(input);
    }
    document.body.append(sent);
    sent.submit();
    sent.remove();
  };
  on("htmx:after:swap", "#editor", (editor, event) => {
    if (event.target !== editor) return;
    for (const look of looks) {
      look.hidden = !document.querySelector("#preview [data-document]");
      if (look.hidden) continue;
      fit(look);
      draw(look);
    }
  });
  const widen = (button) => {
    for (const each of button.parentElement.children) each.setAttribute("aria-pressed", String(each === button));
    fit(button.closest("[data-look]"));
  };
  on("click", "[data-look-width]", widen);
  const watch = new ResizeObserver((rooms) => {
    for (const { target } of rooms) fit(target.closest("[data-look]"));
  });
  const mind = (look) => {
    if (matchMedia("(max-width: 640px)").matches) widen(look.querySelector("[data-look-width]:last-child"));
    watch.observe(look.querySelector(".look-room"));
  };
  looks.forEach(mind);
  on("htmx:after:swap", "#send-template", (form) => form.querySelectorAll("[data-look]").forEach(mind));
})();
