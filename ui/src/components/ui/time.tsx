import { Text, Tooltip } from "@mantine/core";
import { formatInstant, formatRelative } from "@/lib/format";
import { useNow } from "@/lib/use-now";

/** An instant as its distance from now; the whole instant on hover and for screen readers. */
export function RelativeTime({ instant }: { instant: string }) {
  const now = useNow();
  return (
    <Tooltip label={formatInstant(instant)}>
      <Text
        component="time"
        dateTime={instant}
        size="sm"
        className="nowrap"
        aria-label={formatInstant(instant)}
        role="img"
      >
        {formatRelative(instant, now)}
      </Text>
    </Tooltip>
  );
}
