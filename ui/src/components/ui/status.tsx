import { Group, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconClockX,
  IconLoader2,
  IconPlayerSkipForward,
  IconPlayerStop,
} from "@tabler/icons-react";
import { words } from "@/lib/format";

const LOOKS = {
  queued: { icon: IconClock, color: "var(--app-quiet)" },
  running: { icon: IconLoader2, color: "var(--app-info)" },
  committing: { icon: IconLoader2, color: "var(--app-info)" },
  succeeded: { icon: IconCircleCheck, color: "var(--app-good)" },
  failed: { icon: IconCircleX, color: "var(--app-bad)" },
  cancelled: { icon: IconPlayerStop, color: "var(--app-quiet)" },
  timed_out: { icon: IconClockX, color: "var(--app-bad)" },
  skipped: { icon: IconPlayerSkipForward, color: "var(--app-warn)" },
  success: { icon: IconCircleCheck, color: "var(--app-good)" },
  warning: { icon: IconAlertTriangle, color: "var(--app-warn)" },
  untested: { icon: IconCircleDashed, color: "var(--app-quiet)" },
} as const;

export type StatusName = keyof typeof LOOKS;

/** A state as an icon and a word: never by colour alone. A label may be a sentence, which breaks into lines. */
export function Status({ name, label }: { name: string; label?: string }) {
  const look = name in LOOKS ? LOOKS[name as StatusName] : LOOKS.untested;
  const Icon = look.icon;
  return (
    <Group
      gap={6}
      wrap="nowrap"
      component="span"
      display="inline-flex"
      c={look.color}
      style={{ verticalAlign: "middle" }}
    >
      <Icon size={16} aria-hidden style={{ flex: "none" }} />
      <Text span size="sm" fw={600} className={label === undefined ? "nowrap" : undefined}>
        {label ?? words(name)}
      </Text>
    </Group>
  );
}
