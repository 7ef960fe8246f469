import { callResponse } from "./client";

export interface StreamEvent {
  id: string | null;
  data: string;
}

/** Cut server-sent events out of text as it arrives. Comments (heartbeats) are passed over. */
export class EventParser {
  private rest = "";
  private id: string | null = null;
  private lines: string[] = [];

  push(text: string): StreamEvent[] {
    const all = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = all.pop() ?? "";
    return all.flatMap((line) => this.take(line));
  }

  private take(line: string): StreamEvent[] {
    if (line === "") {
      const data = this.lines;
      this.lines = [];
      return data.length > 0 ? [{ id: this.id, data: data.join("\n") }] : [];
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "data") this.lines.push(value ?? "");
    if (field === "id") this.id = value ?? null;
    return [];
  }
}

/** Follow the stream until it ends or the signal aborts it; throws where there is none. */
export async function followEvents(
  lastId: string | null,
  signal: AbortSignal,
  onOpen: () => void,
  onEvent: (event: StreamEvent) => void,
): Promise<void> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (lastId !== null) headers["Last-Event-ID"] = lastId;
  const response = await callResponse("/events/stream", { headers, signal });
  onOpen();
  const parser = new EventParser();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) return;
    parser.push(part.value).forEach(onEvent);
  }
}
