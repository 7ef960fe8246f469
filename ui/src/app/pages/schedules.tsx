import { Group, Switch, Table, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/ui/empty-state";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { SearchField } from "@/components/ui/search-field";
import { Status } from "@/components/ui/status";
import { RelativeTime } from "@/components/ui/time";
import { meQuery } from "@/features/access/api/access";
import { mappingsQuery } from "@/features/mappings/api/mappings";
import { PauseButton } from "@/features/pause/components/pause-button";
import { type Schedule, schedulesQuery, useSaveSchedule } from "@/features/schedules/api/schedules";
import { toProblem } from "@/lib/api/problem";
import { RunNowButton } from "./run-now-button";

const route = getRouteApi("/schedules");

export function SchedulesPage() {
  const { q } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(schedulesQuery(q ? { q } : {}));
  const { data: mappings } = useQuery(mappingsQuery());
  const { data: caller } = useQuery(meQuery);
  const mayPause = caller?.kind === "no_login" || (caller?.kind === "user" && caller.me.role === "ADMIN");
  const nameOf = (id: string) => mappings?.items.find((mapping) => mapping.id === id)?.name ?? "…";
  return (
    <Page
      title="Schedules"
      description="When mappings run by themselves."
      actions={
        <>
          {mayPause && <PauseButton />}
          <LinkButton to="/schedules/new">New schedule</LinkButton>
        </>
      }
    >
      <SearchField
        label="Search schedules"
        value={q ?? ""}
        onSearch={(text) => void navigate({ search: { q: text || undefined }, replace: true })}
      />
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {!data && !error && <Loading />}
      {data?.items.length === 0 && (
        <EmptyState
          title={q ? "No schedule has this in its name" : "Nothing runs by itself yet"}
          actions={!q && <LinkButton to="/schedules/new">Schedule a mapping</LinkButton>}
        >
          Any mapping can also be run by hand from its page.
        </EmptyState>
      )}
      {data && data.items.length > 0 && (
        <div className="panel scroll-x">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Schedule</Table.Th>
                <Table.Th visibleFrom="sm">Mapping</Table.Th>
                <Table.Th visibleFrom="sm">Cron</Table.Th>
                <Table.Th>Next run</Table.Th>
                <Table.Th visibleFrom="sm">Last run</Table.Th>
                <Table.Th>Enabled</Table.Th>
                <Table.Th>
                  <span className="visually-hidden">Actions</span>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.items.map((schedule) => (
                <Table.Tr key={schedule.id}>
                  <Table.Td>
                    <Link
                      to="/schedules/$scheduleId"
                      params={{ scheduleId: schedule.id }}
                      className="row-link"
                    >
                      {schedule.name}
                    </Link>
                    <Text c="dimmed" className="mono nowrap" hiddenFrom="sm">
                      {schedule.cron_expression}
                    </Text>
                  </Table.Td>
                  <Table.Td visibleFrom="sm">
                    <TextLink to="/mappings/$mappingId" params={{ mappingId: schedule.mapping_id }} size="sm">
                      {nameOf(schedule.mapping_id)}
                    </TextLink>
                  </Table.Td>
                  <Table.Td visibleFrom="sm">
                    <Text size="sm" className="mono nowrap">
                      {schedule.cron_expression}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {schedule.timezone}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    {schedule.next_run_at ? (
                      <RelativeTime instant={schedule.next_run_at} />
                    ) : (
                      <Text size="sm" c="dimmed">
                        {schedule.enabled ? "never" : "paused"}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td visibleFrom="sm">
                    {schedule.last_run_at ? (
                      <Group gap="xs" wrap="nowrap">
                        {schedule.last_run_status && <Status name={schedule.last_run_status} />}
                        <RelativeTime instant={schedule.last_run_at} />
                      </Group>
                    ) : (
                      <Text size="sm" c="dimmed">
                        none yet
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <EnabledSwitch schedule={schedule} />
                  </Table.Td>
                  <Table.Td>
                    <RunNowButton mappingId={schedule.mapping_id} name={schedule.name} size="compact-xs" />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Page>
  );
}

function EnabledSwitch({ schedule }: { schedule: Schedule }) {
  const save = useSaveSchedule();
  const isOn = save.isPending ? !schedule.enabled : schedule.enabled;
  return (
    <Switch
      aria-label={`${schedule.name} is enabled`}
      checked={isOn}
      onChange={() => {
        save.mutate(
          { id: schedule.id, body: { enabled: !schedule.enabled } },
          {
            onError: (error) =>
              notifications.show({ color: "red.8", title: "Not changed", message: toProblem(error).message }),
          },
        );
      }}
    />
  );
}
