// What plug-ins of this application may rely on: a type of program, three helpers, a type of map.
import { definePlatform } from "@ebpf/platform";

const number = (name, offset, access, writable = false) => ({
  name,
  offset,
  size: access,
  access,
  value: "scalar",
  readable: true,
  writable,
  narrow: false,
});

const address = (name, offset, value) => ({ ...number(name, offset, 4), value });

// struct request { __u32 body, body_end, method, status; __u64 client; };
const request = {
  name: "request",
  size: 24,
  fields: [
    address("body", 0, "packet"),
    address("body_end", 4, "packet_end"),
    number("method", 8, 4),
    number("status", 12, 4, true),
    number("client", 16, 8),
  ],
};

export const platform = definePlatform({
  name: "request-filters",
  programTypes: {
    request_filter: {
      context: request,
      exit: [{ range: [0, 1] }],
      helpers: ["map_lookup_elem", "map_update_elem"],
    },
  },
  helpers: [
    // __u64 request_age(void): milliseconds since the request came in
    { id: 1000, name: "request_age", arguments: [], returns: { kind: "scalar" }, returnClass: "full64" },
    // int request_header(const void *name, __u32 name_size, void *value, __u32 value_size): the value's length, or -1
    {
      id: 1001,
      name: "request_header",
      arguments: [
        { kind: "memory", access: "read" },
        { kind: "size", zero: false },
        { kind: "memory", access: "write" },
        { kind: "size", zero: false },
      ],
      returns: { kind: "scalar" },
    },
    // int quota_take(struct quota *map, const void *key): what is left, or -1
    {
      id: 1002,
      name: "quota_take",
      arguments: [{ kind: "map", types: ["quota"] }, { kind: "map_key" }],
      returns: { kind: "scalar" },
      changesMap: true,
    },
  ],
  mapTypes: { quota: { storedAs: "lru_hash", atMost: { keySize: 16, valueSize: 4, maxEntries: 4096 } } },
});
