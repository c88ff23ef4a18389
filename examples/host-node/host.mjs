// Runs a stand-alone artefact with nothing but Node:
//   ebpf compile examples/xdp_firewall.o -o xdp_firewall.wasm
//   node examples/host-node/host.mjs xdp_firewall.wasm examples/traffic.pcap
import { readFileSync } from "node:fs";

const [, , wasmFile, captureFile] = process.argv;
const module = new WebAssembly.Module(readFileSync(wasmFile));
const [section] = WebAssembly.Module.customSections(module, "ebpf.info");
const info = JSON.parse(new TextDecoder().decode(section));

// A helper takes and returns 32-bit words; the high half of a 64-bit result goes to its place in memory.
const bpf_ktime_get_ns = () => {
  const now = process.hrtime.bigint();
  view.setUint32(info.memory.resultHigh, Number(now >> 32n), true);
  return Number(now & 0xffffffffn);
};
const { exports } = new WebAssembly.Instance(module, { helper: { bpf_ktime_get_ns } });
const view = new DataView(exports.memory.buffer);

const verdicts = {};
const capture = readFileSync(captureFile);
for (let at = 24; at < capture.length; ) {
  const length = capture.readUInt32LE(at + 8);
  const packet = capture.subarray(at + 16, at + 16 + length);
  new Uint8Array(exports.memory.buffer).set(packet, info.memory.packet.address);
  const verdict = exports["xdp_firewall.packet"](packet.length);
  verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  at += 16 + length;
}

const next = exports["blocklist.next"];
const blocked = [];
for (let key = next(0); key !== 0; key = next(key)) {
  blocked.push([0, 1, 2, 3].map((i) => view.getUint8(key + i)).join("."));
}
console.log(JSON.stringify({ verdicts, blocked }));
