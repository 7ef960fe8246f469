import { Button, Group, Select, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import { EmptyState } from "@/components/ui/empty-state";
import { LinkButton } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { mappingsQuery } from "@/features/mappings/api/mappings";
import { usePollMs } from "@/features/runs/api/live";
import { type RunFilter, runsQuery } from "@/features/runs/api/runs";
import { RunTable } from "@/features/runs/components/run-table";
import { schedulesQuery } from "@/features/schedules/api/schedules";
import { formatNumber, words } from "@/lib/format";
import type { RunSearch } from "../search";

const route = getRouteApi("/runs");
const PAGE_ROWS = 50;
const STATUSES = [
  "queued",
  "running",
  "committing",
  "succeeded",
  "failed",
  "cancelled",
  "timed_out",
  "skipped",
];
const TRIGGERS = ["schedule", "manual", "retry", "backfill", "replay"];
const SPANS = [
  { value: "1", label: "Last hour" },
  { value: "24", label: "Last 24 hours" },
  { value: "168", label: "Last 7 days" },
];

export function RunsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const pollMs = usePollMs();
  const page = search.page ?? 1;
  const { since, filter } = useMemo(() => toFilter(search), [search]);
  const { data, error, refetch } = useQuery(runsQuery(filter, pollMs));
  const { data: mappings } = useQuery(mappingsQuery());
  const { data: schedules } = useQuery(schedulesQuery());
  const put = (part: RunSearch) =>
    void navigate({ search: { ...search, page: undefined, ...part }, replace: true });
  const isFiltered = Object.values({ ...search, page: undefined }).some((value) => value !== undefined);
  const pages = Math.max(1, Math.ceil((data?.total ?? 0) / PAGE_ROWS));
  return (
    <Page title="Runs" description="Every run, and every tick that did not run with its reason.">
      <Group gap="xs" role="search" aria-label="Filter runs">
        <Filter
          label="Any status"
          value={search.status}
          options={STATUSES.map((value) => ({ value, label: words(value) }))}
          onChange={(status) => {
            put({ status: status as RunSearch["status"] });
          }}
        />
        <Filter
          label="Any mapping"
          value={search.mapping_id}
          options={mappings?.items.map(({ id, name }) => ({ value: id, label: name })) ?? []}
          onChange={(mapping_id) => {
            put({ mapping_id });
          }}
        />
        <Filter
          label="Any schedule"
          value={search.schedule_id}
          options={schedules?.items.map(({ id, name }) => ({ value: id, label: name })) ?? []}
          onChange={(schedule_id) => {
            put({ schedule_id });
          }}
        />
        <Filter
          label="Any trigger"
          value={search.trigger}
          options={TRIGGERS.map((value) => ({ value, label: words(value) }))}
          onChange={(trigger) => {
            put({ trigger: trigger as RunSearch["trigger"] });
          }}
        />
        <Filter
          label="Any time"
          value={since}
          options={SPANS}
          onChange={(hours) => {
            put({ since: hours });
          }}
        />
        {isFiltered && (
          <Button variant="subtle" onClick={() => void navigate({ search: {}, replace: true })}>
            Clear filters
          </Button>
        )}
      </Group>
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {!data && !error && <Loading />}
      {data && data.total === 0 && (
        <EmptyState
          title={isFiltered ? "No run fits these filters" : "Nothing has run yet"}
          actions={!isFiltered && <LinkButton to="/mappings">Go to the mappings</LinkButton>}
        />
      )}
      {data && data.total > 0 && (
        <>
          <div className="panel">
            <RunTable
              runs={data.items}
              nameOf={(id) =>
                mappings?.items.find((mapping) => mapping.id === id)?.name ??
                (mappings ? "deleted mapping" : "…")
              }
            />
          </div>
          <Group justify="space-between">
            <Text size="sm" c="dimmed">
              {formatNumber(data.total)} in all · page {page} of {pages}
            </Text>
            <Group gap="xs" display={pages > 1 || page > 1 ? undefined : "none"}>
              <Button
                variant="default"
                disabled={page <= 1}
                onClick={() => {
                  put({ page: page - 1 > 1 ? page - 1 : undefined });
                }}
              >
                Newer
              </Button>
              <Button
                variant="default"
                disabled={page >= pages}
                onClick={() => {
                  put({ page: page + 1 });
                }}
              >
                Older
              </Button>
            </Group>
          </Group>
        </>
      )}
    </Page>
  );
}

function toFilter(search: RunSearch): { since: string | undefined; filter: RunFilter } {
  const { page = 1, since: asked, ...rest } = search;
  const span = SPANS.find(({ value }) => value === asked);
  const start = span && new Date(Date.now() - Number(span.value) * 3_600_000).toISOString();
  return {
    since: span?.value,
    filter: { ...rest, ...(start ? { since: start } : {}), limit: PAGE_ROWS, offset: (page - 1) * PAGE_ROWS },
  };
}

interface FilterProps {
  label: string;
  value: string | undefined;
  options: { value: string; label: string }[];
  onChange: (value: string | undefined) => void;
}

function Filter({ label, value, options, onChange }: FilterProps) {
  return (
    <Select
      aria-label={label.replace("Any ", "Filter by ")}
      placeholder={label}
      data={options}
      value={value ?? null}
      clearable
      searchable={options.length > 10}
      w={{ base: "calc(50% - 5px)", sm: 168 }}
      clearButtonProps={{ "aria-label": `Clear ${label.replace("Any ", "")}` }}
      onChange={(next) => {
        onChange(next ?? undefined);
      }}
    />
  );
}
