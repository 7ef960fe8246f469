const numbers = new Intl.NumberFormat("en-GB");
const compact = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

export function formatNumber(value: number): string {
  return numbers.format(value);
}

export function formatCompact(value: number): string {
  return value < 10_000 ? numbers.format(value) : compact.format(value);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${numbers.format(count)} ${count === 1 ? one : many}`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${String(Math.max(0, Math.round(milliseconds)))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${String(minutes)} min ${String(Math.floor(seconds % 60))} s`;
  return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

/** How far an instant is from now, in one unit: "in 3 min", "2 h ago". */
export function formatRelative(instant: string, now: number): string {
  const difference = Date.parse(instant) - now;
  const size = Math.abs(difference) / 1000;
  const text =
    size < 60
      ? `${String(Math.round(size))} s`
      : size < 3600
        ? `${String(Math.round(size / 60))} min`
        : size < 172_800
          ? `${String(Math.round(size / 3600))} h`
          : `${String(Math.round(size / 86_400))} days`;
  if (size < 1) return "now";
  return difference > 0 ? `in ${text}` : `${text} ago`;
}

export function formatInstant(instant: string, timeZone?: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZone,
  }).format(new Date(instant));
}

export function formatClock(instant: string): string {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(
    new Date(instant),
  );
}

/** "succeeded" → "Succeeded", "timed_out" → "Timed out". */
export function words(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
