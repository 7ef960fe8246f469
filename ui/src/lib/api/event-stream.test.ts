// @vitest-environment jsdom
import { expect, test } from "vitest";
import { EventParser } from "./event-stream";

test("events are cut out of text however it arrives", () => {
  const parser = new EventParser();
  expect(parser.push(": heartbeat\n\nid: 7\nda")).toEqual([]);
  expect(parser.push('ta: {"a":\ndata: 1}\n')).toEqual([]);
  expect(parser.push("\nid: 8\r\ndata: x\r\n\r\n")).toEqual([
    { id: "7", data: '{"a":\n1}' },
    { id: "8", data: "x" },
  ]);
});
