// An SMSC on npm `smpp`, for what another implementation makes of our PDUs.
// Prints its port, then each submit_sm as one line of JSON; receipts follow at once.
// Password "bad" is refused; destinations ending in 8 are throttled.
const smpp = require(process.argv[2]);
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');
let count = 0;

const server = smpp.createServer((session) => {
  const bind = (pdu) => {
    if (pdu.password === 'bad') {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return session.close();
    }
    return session.send(pdu.response({ system_id: 'NODESMSC' }));
  };
  session.on('error', () => session.close());
  session.on('bind_transceiver', bind);
  session.on('bind_transmitter', bind);
  session.on('bind_receiver', bind);
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('submit_sm', (pdu) => {
    if (pdu.destination_addr.endsWith('8')) {
      return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    }
    count += 1;
    const id = 'm' + count;
    const text = pdu.message_payload || pdu.short_message;
    say({
      id, source: pdu.source_addr, sourceTon: pdu.source_addr_ton, destination: pdu.destination_addr,
      coding: pdu.data_coding, esm: pdu.esm_class, text: text.message.toString(),
      udh: text.udh ? text.udh.map((element) => element.toString('hex')) : [],
      sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum],
      validity: pdu.validity_period, registered: pdu.registered_delivery,
    });
    session.send(pdu.response({ message_id: id }));
    if (pdu.registered_delivery) {
      session.deliver_sm({
        source_addr: pdu.destination_addr, source_addr_ton: 1, destination_addr: pdu.source_addr, esm_class: 4,
        receipted_message_id: id, message_state: 2,
        short_message: `id:${id} sub:001 dlvrd:001 submit date:2611231804 done date:2611231805 stat:DELIVRD err:000 text:x`,
      });
    }
    return undefined;
  });
});
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
