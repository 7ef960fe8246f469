import {
  IconBinary,
  IconBraces,
  IconCalendar,
  IconClock,
  IconDecimal,
  IconFingerprint,
  IconHash,
  IconLetterT,
  IconToggleLeft,
  IconWorld,
} from "@tabler/icons-react";

const ICONS = {
  string: IconLetterT,
  integer: IconHash,
  float: IconDecimal,
  decimal: IconDecimal,
  boolean: IconToggleLeft,
  date: IconCalendar,
  timestamp: IconClock,
  timestamptz: IconWorld,
  time: IconClock,
  binary: IconBinary,
  json: IconBraces,
  uuid: IconFingerprint,
} as const;
const NUMERIC = new Set(["integer", "float", "decimal"]);

export function TypeIcon({ type }: { type: string }) {
  const Icon = type in ICONS ? ICONS[type as keyof typeof ICONS] : IconLetterT;
  return (
    <Icon
      size={14}
      stroke={1.8}
      aria-label={type}
      role="img"
      style={{ flex: "none", color: "var(--mantine-color-dimmed)" }}
    />
  );
}

export function isNumeric(type: string): boolean {
  return NUMERIC.has(type);
}
