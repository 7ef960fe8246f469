import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlayerPause } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { RelativeTime } from "@/components/ui/time";
import { toProblem } from "@/lib/api/problem";
import { type PauseReach, pauseQuery, useSetPause } from "../api/pause";
import classes from "./pause-banner.module.css";

/** Says on every page that nothing starts, since when and why; whoever may, lets it go on from here. */
export function PauseBanner({ canTurn }: { canTurn: boolean }) {
  const { data } = useQuery(pauseQuery);
  const set = useSetPause();
  if (!data) return null;
  const switches: [PauseReach, string, { paused: boolean; note: string | null; since: string | null }][] = [
    ["installation", "The whole installation is paused", data.installation],
    ["tenant", "Runs are paused", data],
  ];
  return switches
    .filter(([, , { paused }]) => paused)
    .map(([reach, title, { note, since }]) => (
      <Group
        key={reach}
        className={classes.banner}
        gap="sm"
        role="status"
        aria-label={title}
        justify="space-between"
      >
        <Group gap={8} wrap="nowrap" align="flex-start">
          <IconPlayerPause size={17} aria-hidden className={classes.icon} />
          <Text size="sm">
            <strong>{title}</strong>
            {since && (
              <>
                {" "}
                (<RelativeTime instant={since} />)
              </>
            )}
            {note ? `: ${note}. ` : ". "}
            Runs in hand end as usual; queued ones wait, and ticks are recorded as paused.
          </Text>
        </Group>
        {canTurn && (
          <Button
            variant="default"
            loading={set.isPending}
            onClick={() => {
              set.mutate(
                { reach, paused: false, note: null },
                {
                  onError: (error) =>
                    notifications.show({
                      color: "red.8",
                      title: "Still paused",
                      message: toProblem(error).message,
                    }),
                },
              );
            }}
          >
            Let runs start again
          </Button>
        )}
      </Group>
    ));
}
