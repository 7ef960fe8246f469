export interface Preset {
  kind: "minutes" | "hourly" | "daily" | "weekdays" | "weekly" | "monthly" | "custom";
  every: number;
  minute: number;
  hour: number;
  weekday: number;
  day: number;
}

export const DEFAULT_PRESET: Preset = { kind: "daily", every: 15, minute: 0, hour: 2, weekday: 1, day: 1 };
export const WEEKDAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
] as const;
export const MINUTE_STEPS = [1, 2, 3, 5, 10, 15, 20, 30] as const;

/** The cron expression of a preset; a custom one keeps what was typed. */
export function presetToCron(preset: Preset, typed: string): string {
  const at = `${String(preset.minute)} ${String(preset.hour)}`;
  switch (preset.kind) {
    case "minutes":
      return preset.every === 1 ? "* * * * *" : `*/${String(preset.every)} * * * *`;
    case "hourly":
      return `${String(preset.minute)} * * * *`;
    case "daily":
      return `${at} * * *`;
    case "weekdays":
      return `${at} * * MON-FRI`;
    case "weekly":
      return `${at} * * ${String(preset.weekday)}`;
    case "monthly":
      return `${at} ${String(preset.day)} * *`;
    case "custom":
      return typed;
  }
}

/** The preset that writes this very expression, else custom. */
export function cronToPreset(expression: string): Preset {
  const text = expression.trim().replace(/\s+/g, " ");
  const custom: Preset = { ...DEFAULT_PRESET, kind: "custom" };
  const fields = text.split(" ");
  if (fields.length !== 5) return custom;
  const [minute, hour, day, , weekday] = fields.map(Number);
  const step = text === "* * * * *" ? 1 : Number(/^\*\/(\d+) /.exec(text)?.[1]);
  const base = { ...DEFAULT_PRESET, minute: minute || 0, hour: hour || 0 };
  const candidates: Preset[] = [
    { ...DEFAULT_PRESET, kind: "minutes", every: step },
    { ...base, kind: "hourly", hour: DEFAULT_PRESET.hour },
    { ...base, kind: "daily" },
    { ...base, kind: "weekdays" },
    { ...base, kind: "weekly", weekday: weekday === 7 ? 0 : (weekday ?? 1) },
    { ...base, kind: "monthly", day: day ?? 1 },
  ];
  return candidates.find((preset) => presetToCron(preset, "") === text) ?? custom;
}

/** Minutes that a zone's clock is ahead of UTC at an instant. */
export function zoneOffset(instant: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(instant);
  const get = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const wall = Date.UTC(get("year"), get("month") - 1, get("day"), get("hour"), get("minute"), get("second"));
  return Math.round((wall - Math.floor(instant.getTime() / 1000) * 1000) / 60_000);
}

/** Whether the zone's clock changes on the day, by its own calendar, of this instant. */
export function isClockChangeDay(instant: string, timeZone: string): boolean {
  const moment = new Date(instant);
  const offset = zoneOffset(moment, timeZone);
  const minutesIntoDay = (((moment.getTime() / 60_000 + offset) % 1440) + 1440) % 1440;
  const start = new Date(moment.getTime() - minutesIntoDay * 60_000);
  const end = new Date(start.getTime() + 86_400_000);
  return zoneOffset(start, timeZone) !== zoneOffset(end, timeZone) || zoneOffset(start, timeZone) !== offset;
}
