import { Button, Modal, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { Confirm } from "@/components/ui/confirm";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { UnsavedGuard } from "@/components/ui/unsaved-guard";
import { type Mapping, mappingsQuery } from "@/features/mappings/api/mappings";
import { BackfillForm } from "@/features/mappings/components/backfill-form";
import { usePollMs } from "@/features/runs/api/live";
import { runsQuery } from "@/features/runs/api/runs";
import { RunTable } from "@/features/runs/components/run-table";
import { type Schedule, scheduleQuery, useDeleteSchedule } from "@/features/schedules/api/schedules";
import { ScheduleForm } from "@/features/schedules/components/schedule-form";
import { RunNowButton } from "./run-now-button";

const route = getRouteApi("/schedules/$scheduleId");
const newRoute = getRouteApi("/schedules/new");

export function NewSchedulePage() {
  const { mapping_id } = newRoute.useSearch();
  const { data: mappings, error } = useQuery(mappingsQuery());
  const [isDirty, setIsDirty] = useState(false);
  const pass = useRef(false);
  const navigate = useNavigate();
  const leave = (schedule: Schedule) => {
    pass.current = true;
    notifications.show({ message: `${schedule.name} is saved.` });
    void navigate({ to: "/schedules" });
  };
  return (
    <Page title="New schedule" description="A mapping, and the instants at which it runs.">
      <UnsavedGuard isDirty={isDirty} pass={pass} />
      <ProblemAlert error={error} />
      {mappings ? (
        <ScheduleForm
          saved={null}
          mappings={mappings.items}
          mappingId={mapping_id ?? null}
          onDirty={setIsDirty}
          onSaved={leave}
        />
      ) : (
        <Loading />
      )}
    </Page>
  );
}

export function SchedulePage() {
  const { scheduleId } = route.useParams();
  const pollMs = usePollMs();
  const { data, error } = useQuery(scheduleQuery(scheduleId));
  const { data: mappings } = useQuery(mappingsQuery());
  const { data: runs } = useQuery(runsQuery({ schedule_id: scheduleId, limit: 10 }, pollMs));
  const [isDirty, setIsDirty] = useState(false);
  if (error)
    return (
      <Page title="Schedule">
        <ProblemAlert error={error} />
      </Page>
    );
  if (!data || !mappings) return <Loading />;
  const saved = (schedule: Schedule) => {
    setIsDirty(false);
    notifications.show({ message: `${schedule.name} is saved.` });
  };
  return (
    <Page
      title={data.name}
      actions={
        <>
          <DeleteSchedule schedule={data} />
          <Backfill mapping={mappings.items.find(({ id }) => id === data.mapping_id)} />
          <RunNowButton mappingId={data.mapping_id} name={data.name} />
        </>
      }
    >
      <UnsavedGuard isDirty={isDirty} />
      <ScheduleForm
        key={data.version}
        saved={data}
        mappings={mappings.items}
        mappingId={data.mapping_id}
        onDirty={setIsDirty}
        onSaved={saved}
      />
      <Panel
        title="Ticks and runs"
        padded={false}
        actions={
          <LinkButton variant="default" to="/runs" search={{ schedule_id: data.id }}>
            All of them
          </LinkButton>
        }
      >
        {runs && <RunTable runs={runs.items} nameOf={() => data.name} />}
      </Panel>
    </Page>
  );
}

/** A past range again, where the mapping can tell what belongs to it. */
function Backfill({ mapping }: { mapping: Mapping | undefined }) {
  const [isOpen, setIsOpen] = useState(false);
  const navigate = useNavigate();
  if (!mapping) return null;
  const canBackfill = mapping.incremental !== null && mapping.write_mode === "upsert";
  return (
    <>
      <Button
        variant="default"
        onClick={() => {
          setIsOpen(true);
        }}
      >
        Backfill
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => {
          setIsOpen(false);
        }}
        size="lg"
        title={`Backfill ${mapping.name}`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {canBackfill ? (
          <BackfillForm
            id={mapping.id}
            onDone={() =>
              void navigate({ to: "/runs", search: { mapping_id: mapping.id, trigger: "backfill" } })
            }
          />
        ) : (
          <Text size="sm">
            A range can be read again once the mapping has a cursor column and writes by upsert, so that rows
            which are there already are not added twice.{" "}
            <TextLink
              to="/mappings/$mappingId"
              params={{ mappingId: mapping.id }}
              search={{ tab: "writing" }}
              size="sm"
            >
              Choose so in the mapping
            </TextLink>
          </Text>
        )}
      </Modal>
    </>
  );
}

function DeleteSchedule({ schedule }: { schedule: Schedule }) {
  const [isOpen, setIsOpen] = useState(false);
  const remove = useDeleteSchedule();
  const navigate = useNavigate();
  return (
    <>
      <Button
        variant="default"
        onClick={() => {
          setIsOpen(true);
        }}
      >
        Delete
      </Button>
      <Confirm
        opened={isOpen}
        title={`Delete ${schedule.name}?`}
        action="Delete schedule"
        error={remove.error}
        isPending={remove.isPending}
        onConfirm={() => {
          remove.mutate(schedule.id, { onSuccess: () => void navigate({ to: "/schedules" }) });
        }}
        onClose={() => {
          setIsOpen(false);
        }}
      >
        <Text size="sm">The mapping and the runs so far stay.</Text>
      </Confirm>
    </>
  );
}
