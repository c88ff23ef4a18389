// Writes examples/traffic.pcap and examples/dns.pcap: small captures made from a fixed seed, so that every run of this
// script gives the same bytes. Nobody's real traffic is in them; addresses are of the documentation ranges.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PCAP_MAGIC = 0xa1b2c3d4;
const LINKTYPE_ETHERNET = 1;

/** Marsaglia's xorshift32: enough for packet contents. */
const random = (() => {
  let state = 0x2545f491;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
})();

const checksum = (...parts) => {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
};

const address = (text) => Buffer.from(text.split(".").map(Number));
const payload = (length) => Buffer.from({ length }, () => random(256));

const ethernet = (type, body) => {
  const header = Buffer.from("02000000000202000000000100 00".replace(" ", ""), "hex");
  header.writeUInt16BE(type, 12);
  return Buffer.concat([header, body]);
};

const ipv4 = (source, destination, protocol, body) => {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + body.length, 2);
  header.writeUInt16BE(random(65536), 4);
  header[8] = 64;
  header[9] = protocol;
  address(source).copy(header, 12);
  address(destination).copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return ethernet(0x0800, Buffer.concat([header, body]));
};

const withTransportChecksum = (source, destination, protocol, segment, at) => {
  const pseudo = Buffer.from([...address(source), ...address(destination), 0, protocol, 0, 0]);
  pseudo.writeUInt16BE(segment.length, 10);
  segment.writeUInt16BE(checksum(pseudo, segment), at);
  return ipv4(source, destination, protocol, segment);
};

const tcp = (source, destination, port, flags, length) => {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(1024 + random(60000), 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt32BE(random(2 ** 32), 4);
  header[12] = 0x50;
  header[13] = flags;
  header.writeUInt16BE(64240, 14);
  return withTransportChecksum(source, destination, 6, Buffer.concat([header, payload(length)]), 16);
};

const udp = (source, destination, port, body) => {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(1024 + random(60000), 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt16BE(8 + body.length, 4);
  return withTransportChecksum(source, destination, 17, Buffer.concat([header, body]), 6);
};

const ping = (source, destination) => {
  const echo = Buffer.concat([Buffer.from([8, 0, 0, 0, 0, 1, 0, random(256)]), payload(48)]);
  echo.writeUInt16BE(checksum(echo), 2);
  return ipv4(source, destination, 1, echo);
};

const neighbourSolicitation = () => {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(24, 4);
  header[6] = 58;
  header[7] = 255;
  return ethernet(0x86dd, Buffer.concat([header, Buffer.from([135, 0, 0, 0]), payload(20)]));
};

const arp = (source, destination) =>
  ethernet(
    0x0806,
    Buffer.concat([
      Buffer.from([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1]),
      address(source),
      Buffer.alloc(6),
      address(destination),
      Buffer.alloc(18),
    ]),
  );

/** www.example.com, type A. */
const dnsQuery = () =>
  Buffer.from(
    `${random(65536).toString(16).padStart(4, "0")}0100000100000000000003777777076578616d706c6503636f6d0000010001`,
    "hex",
  );

const pcap = (packets) => {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(PCAP_MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262144, 16);
  header.writeUInt32LE(LINKTYPE_ETHERNET, 20);
  let microseconds = 0;
  const records = packets.map((packet) => {
    const record = Buffer.alloc(16);
    microseconds += 50 + random(4000);
    record.writeUInt32LE(1_700_000_000 + Math.floor(microseconds / 1e6), 0);
    record.writeUInt32LE(microseconds % 1_000_000, 4);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return Buffer.concat([record, packet]);
  });
  return Buffer.concat([header, ...records]);
};

const SERVER = "192.0.2.1";
const CLIENTS = ["198.51.100.7", "198.51.100.23", "203.0.113.5", "203.0.113.99"];
const SCANNERS = ["203.0.113.66", "198.51.100.200"];
const SYN = 0x02;
const ACK = 0x10;

const ordinary = () => {
  const client = CLIENTS[random(CLIENTS.length)];
  switch (random(8)) {
    case 0:
      return ping(client, SERVER);
    case 1:
      return udp(client, SERVER, 53, dnsQuery());
    case 2:
      return neighbourSolicitation();
    case 3:
      return random(3) === 0 ? arp(client, SERVER) : tcp(client, SERVER, 443, ACK, random(1400));
    case 4:
      return tcp(client, SERVER, 80, SYN, 0);
    default:
      return tcp(client, SERVER, 443, ACK, 1 + random(1400));
  }
};

const scan = () => tcp(SCANNERS[random(SCANNERS.length)], SERVER, [22, 23, 80, 443, 8080][random(5)], SYN, 0);

const traffic = Array.from({ length: 240 }, () => (random(6) === 0 ? scan() : ordinary()));
const dns = Array.from({ length: 12 }, (_, i) =>
  i % 3 === 2 ? ping(CLIENTS[0], SERVER) : udp(CLIENTS[i % 4], SERVER, 53, dnsQuery()),
);

const write = (name, packets) => {
  const file = fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
  writeFileSync(file, pcap(packets));
  console.log(`${file}: ${packets.length} packets`);
};
write("traffic.pcap", traffic);
write("dns.pcap", dns);
