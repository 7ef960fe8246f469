import { Alert, Button, Group, Tabs, Text } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Confirm } from "@/components/ui/confirm";
import { LinkButton } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { UnsavedGuard } from "@/components/ui/unsaved-guard";
import { connectionsQuery, tablesQuery } from "@/features/connections/api/connections";
import {
  columnMappingsQuery,
  type Mapping,
  mappingKeys,
  mappingQuery,
  useDeleteMapping,
  useRunMapping,
} from "@/features/mappings/api/mappings";
import { useMappedPreview, usePreview } from "@/features/mappings/api/use-preview";
import { FieldsTab } from "@/features/mappings/components/fields-tab";
import { PlanTab } from "@/features/mappings/components/plan-tab";
import { SourceTab } from "@/features/mappings/components/source-tab";
import { VersionsTab } from "@/features/mappings/components/versions-tab";
import { WritingTab } from "@/features/mappings/components/writing-tab";
import { selectFrom } from "@/features/mappings/model/select-from";
import { type Draft, draftOf, emptyDraft, findGaps, same } from "@/features/mappings/model/draft";
import {
  schemasQuery,
  type TargetSchema,
  useInferSchema,
  useSaveSchema,
} from "@/features/schemas/api/schemas";
import { ColumnsEditor } from "@/features/schemas/components/columns-editor";
import { formErrors, toProblem } from "@/lib/api/problem";
import { EDITOR_TABS, type EditorTab } from "../search";
import { SaveError, type Saved, saveMapping } from "./save-mapping";

const savedRoute = getRouteApi("/mappings/$mappingId");
const newRoute = getRouteApi("/mappings/new");
const TAB_NAMES: Record<EditorTab, string> = {
  source: "1 Source",
  fields: "2 Fields",
  writing: "3 Writing",
  plan: "4 Plan and run",
  versions: "Versions",
};
const FIELDS = [
  "name",
  "description",
  "source_connection_id",
  "source_query",
  "target_schema_id",
  "target_connection_id",
  "target_table",
  "write_mode",
  "key_columns",
  "incremental.cursor_column",
  "incremental.initial_value",
  "incremental.lookback",
  "on_error.max_rows",
  "on_error.max_percent",
  "guards.min_rows",
  "guards.max_change_percent",
  "retry.max_attempts",
  "retry.backoff_seconds",
  "timeout_seconds",
  "notify",
];

export function NewMappingPage() {
  const { tab, source, table } = newRoute.useSearch();
  const navigate = newRoute.useNavigate();
  const prefilled = usePrefilled(source, table);
  if (!prefilled) return <Loading />;
  return (
    <Editor
      saved={null}
      start={prefilled}
      tab={tab ?? "source"}
      onTab={(next) => void navigate({ search: { source, table, tab: next }, replace: true })}
    />
  );
}

/** What a new mapping starts with: nothing, or a connection and the whole of one of its tables. */
function usePrefilled(source: string | undefined, table: string | undefined): Draft | null {
  const connections = useQuery({ ...connectionsQuery(), enabled: source !== undefined });
  const tables = useQuery(tablesQuery(table ? (source ?? null) : null));
  const connection = connections.data?.items.find(({ id }) => id === source);
  const found = tables.data?.find(({ name }) => name === table);
  const isWaiting = connections.isLoading || tables.isLoading;
  return useMemo(() => {
    if (isWaiting) return null;
    if (!connection) return emptyDraft();
    const source_query = found ? selectFrom(found, connection.db_type) : "";
    return { ...emptyDraft(), source_connection_id: connection.id, source_query };
  }, [isWaiting, connection, found]);
}

export function MappingPage() {
  const { mappingId } = savedRoute.useParams();
  const { tab } = savedRoute.useSearch();
  const navigate = savedRoute.useNavigate();
  const { data: mapping, error } = useQuery(mappingQuery(mappingId));
  const { data: columns, error: columnsError } = useQuery(columnMappingsQuery(mappingId));
  const { data: schemas } = useQuery(schemasQuery());
  const schema = schemas?.items.find(({ id }) => id === mapping?.target_schema_id);
  const saved = useMemo(
    () => (mapping && columns && schema ? { mapping, draft: draftOf(mapping, schema, columns) } : null),
    [mapping, columns, schema],
  );
  if (error ?? columnsError)
    return (
      <Page title="Mapping">
        <ProblemAlert error={error ?? columnsError} />
      </Page>
    );
  if (!saved) return <Loading />;
  return (
    <Editor
      key={mappingId}
      saved={saved}
      start={saved.draft}
      tab={tab ?? "source"}
      onTab={(next) => void navigate({ search: { tab: next }, replace: true })}
    />
  );
}

interface EditorProps {
  saved: Saved | null;
  /** The draft to begin with. */
  start: Draft;
  tab: EditorTab;
  onTab: (tab: EditorTab) => void;
}

function Editor({ saved: stands, start, tab, onTab }: EditorProps) {
  const [draft, setDraft] = useState(start);
  const [untouched] = useState(start);
  const [saved, setSaved] = useState(stands);
  // What others save meanwhile is taken over only where there is nothing to lose; else the save is refused by its version.
  if (stands && saved && stands !== saved && same(draft, saved.draft)) {
    setSaved(stands);
    setDraft(stands.draft);
  }
  const [limit, setLimit] = useState(100);
  const pass = useRef(false);
  const change = useCallback((part: Partial<Draft>) => {
    setDraft((now) => ({ ...now, ...part }));
  }, []);
  const { data: connections } = useQuery(connectionsQuery());
  const { data: schemas } = useQuery(schemasQuery());
  const tables = useQuery(tablesQuery(draft.source_connection_id));
  const stored = schemas?.items.find(({ id }) => id === draft.schema_id);
  const isSchemaSaved = stored !== undefined && same(stored.columns, draft.columns);
  const isDirty = !same(draft, saved?.draft ?? untouched);
  const preview = usePreview();
  const infer = useInferSchema();
  const inferred = useMemo(() => infer.data?.columns ?? null, [infer.data]);
  const mapped = useMappedPreview({
    draft,
    isSchemaSaved,
    isActive: tab === "fields",
    previewedQuery: preview.data?.query ?? null,
  });
  const saving = useSave({ draft, saved, stored, setDraft, setSaved, pass });
  const { mutate: runPreview } = preview;
  const look = useCallback(() => {
    if (draft.source_connection_id && draft.source_query.trim())
      runPreview({ connectionId: draft.source_connection_id, query: draft.source_query, limit });
  }, [draft.source_connection_id, draft.source_query, limit, runPreview]);
  useFirstPreview(untouched.source_query !== "", look);
  useHotkeys([["mod+S", saving.save]], []);
  const errors = saving.error ? errorsOf(saving.error) : {};
  const choices = connections?.items ?? [];
  return (
    <Page
      title={saved?.mapping.name ?? "New mapping"}
      heading={draft.name.trim() || "New mapping"}
      description={
        isDirty ? (
          <Text span size="sm" c="var(--app-warn)">
            Not saved yet
          </Text>
        ) : saved ? (
          `Version ${String(saved.mapping.version)}, saved`
        ) : (
          "A query, and where its columns go."
        )
      }
      actions={
        <EditorActions
          saved={saved}
          isDirty={isDirty}
          isSaving={saving.isPending}
          onSave={saving.save}
          onDeleted={() => {
            pass.current = true;
          }}
        />
      }
    >
      <UnsavedGuard isDirty={isDirty} pass={pass} />
      <Notices saved={saved} isDirty={isDirty} gaps={saving.gaps} error={saving.error} onTab={onTab} />
      <Tabs
        value={tab}
        onChange={(next) => {
          onTab(EDITOR_TABS.find((each) => each === next) ?? "source");
        }}
      >
        <Tabs.List mb="md" aria-label="Parts of the mapping">
          {EDITOR_TABS.filter((each) => each !== "versions" || saved).map((each) => (
            <Tabs.Tab key={each} value={each}>
              {TAB_NAMES[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="source">
          <SourceTab
            draft={draft}
            errors={errors}
            connections={choices}
            preview={preview.data?.preview ?? null}
            previewError={preview.error}
            isPreviewing={preview.isPending}
            isStale={
              preview.data !== undefined &&
              (preview.data.query !== draft.source_query ||
                preview.data.connectionId !== draft.source_connection_id)
            }
            tables={{
              items: tables.data ?? NO_TABLES,
              error: tables.error,
              isLoading: tables.isFetching && !tables.data,
              reload: () => void tables.refetch(),
            }}
            limit={limit}
            onLimit={setLimit}
            onChange={change}
            onPreview={look}
          />
        </Tabs.Panel>
        <Tabs.Panel value="fields">
          <FieldsTab
            draft={draft}
            errors={errors}
            schemas={schemas?.items ?? []}
            preview={preview.data?.preview ?? null}
            mapped={mapped}
            onChange={change}
            inferred={{
              columns: inferred,
              error: infer.error,
              isPending: infer.isPending,
              infer: () => {
                if (draft.source_connection_id)
                  infer.mutate({ connection_id: draft.source_connection_id, query: draft.source_query });
              },
            }}
            columnsEditor={
              <ColumnsEditor
                columns={draft.columns}
                stored={stored?.columns.map(({ name }) => name) ?? []}
                errors={schemaErrors(saving.error)}
                onChange={(columns) => {
                  change(keepSpecs(draft, columns));
                }}
              />
            }
          />
        </Tabs.Panel>
        <Tabs.Panel value="writing">
          <WritingTab
            draft={draft}
            mappingId={saved?.mapping.id ?? null}
            errors={errors}
            connections={choices}
            sources={preview.data?.preview.columns.map(({ name }) => name) ?? []}
            onChange={change}
            onBackfilled={() => {
              notifications.show({ message: "The backfill is queued." });
            }}
          />
        </Tabs.Panel>
        <Tabs.Panel value="plan">
          <PlanTab mappingId={saved?.mapping.id ?? null} isDirty={isDirty} onSave={saving.save} />
        </Tabs.Panel>
        {saved && (
          <Tabs.Panel value="versions">
            <VersionsTab mappingId={saved.mapping.id} connections={choices} />
          </Tabs.Panel>
        )}
      </Tabs>
    </Page>
  );
}

const NO_TABLES: never[] = [];

/** A mapping that has a query shows its rows at once; an empty one when asked. */
function useFirstPreview(hasQuery: boolean, look: () => void): void {
  const hasLooked = useRef(!hasQuery);
  useEffect(() => {
    if (hasLooked.current) return;
    hasLooked.current = true;
    look();
  }, [look]);
}

/** A renamed column keeps what fills it. */
function keepSpecs(draft: Draft, columns: Draft["columns"]): Partial<Draft> {
  if (columns.length !== draft.columns.length) return { columns };
  const at = columns.findIndex(({ name }, index) => name !== draft.columns[index]?.name);
  const [before, after] = [draft.columns[at]?.name, columns[at]?.name];
  if (before === undefined || after === undefined || columns.some(({ name }) => name === before))
    return { columns };
  const specs = draft.specs.map(
    (spec) =>
      ({
        ...spec,
        target_fields: spec.target_fields.map((name) => (name === before ? after : name)),
      }) as Draft["specs"][number],
  );
  return { columns, specs };
}

function errorsOf(error: SaveError): Record<string, string> {
  const found = formErrors(toProblem(error.reason), error.stage === "schema" ? ["name"] : FIELDS);
  if (error.stage === "schema") return found.name ? { "schema.name": found.name } : {};
  return error.stage === "mapping" ? found : {};
}

function schemaErrors(error: SaveError | null): Record<string, string> {
  if (error?.stage !== "schema") return {};
  const problem = toProblem(error.reason);
  return formErrors(
    problem,
    problem.fields.map(({ loc }) => loc.filter((part) => part !== "body").join(".")),
  );
}

interface SaveState {
  draft: Draft;
  saved: Saved | null;
  stored: TargetSchema | undefined;
  setDraft: (update: (now: Draft) => Draft) => void;
  setSaved: (saved: Saved) => void;
  pass: RefObject<boolean>;
}

function useSave({ draft, saved, stored, setDraft, setSaved, pass }: SaveState) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { mutateAsync: saveSchema } = useSaveSchema();
  const [isPending, setIsPending] = useState(false);
  const [error, setError] = useState<SaveError | null>(null);
  const [hasTried, setHasTried] = useState(false);
  const gaps = findGaps(draft);
  const save = () => {
    setHasTried(true);
    setError(null);
    if (gaps.length > 0 || isPending) return;
    setIsPending(true);
    const onSchema = (schema: TargetSchema) => {
      setDraft((now) => ({ ...now, schema_id: schema.id, columns: schema.columns }));
    };
    saveMapping(draft, saved, { stored, saveSchema, onSchema })
      .then(async (id) => {
        const fresh = await readSaved(client, id);
        notifications.show({ message: `${draft.name} is saved.` });
        setSaved(fresh);
        setDraft(() => fresh.draft);
        void client.invalidateQueries({ queryKey: mappingKeys.all });
        if (saved) return;
        pass.current = true;
        await navigate({ to: "/mappings/$mappingId", params: { mappingId: id }, search: { tab: "plan" } });
      })
      .catch((reason: unknown) => {
        setError(reason instanceof SaveError ? reason : new SaveError("mapping", reason));
      })
      .finally(() => {
        setIsPending(false);
      });
  };
  return { save, isPending, error, gaps: hasTried ? gaps : [] };
}

async function readSaved(client: QueryClient, id: string): Promise<Saved> {
  const always = { staleTime: 0 };
  const [mapping, columns, schemas] = await Promise.all([
    client.fetchQuery({ ...mappingQuery(id), ...always }),
    client.fetchQuery({ ...columnMappingsQuery(id), ...always }),
    client.fetchQuery({ ...schemasQuery(), ...always }),
  ]);
  const schema = schemas.items.find((each) => each.id === mapping.target_schema_id);
  if (!schema) throw new SaveError("schema", null);
  return { mapping, draft: draftOf(mapping, schema, columns) };
}

interface NoticesProps {
  saved: Saved | null;
  isDirty: boolean;
  gaps: ReturnType<typeof findGaps>;
  error: SaveError | null;
  onTab: (tab: EditorTab) => void;
}

const STAGES = {
  schema: "The schema was not saved",
  mapping: "The mapping was not saved",
  columns: "The column mappings were not saved",
} as const;

function Notices({ saved, isDirty, gaps, error, onTab }: NoticesProps) {
  const problems = saved && !isDirty ? saved.mapping.problems : [];
  return (
    <>
      {gaps.length > 0 && (
        <Alert variant="light" color="yellow" title="Before it can be saved" role="alert">
          {gaps.map(({ tab, message }) => (
            <Group key={message} gap="xs">
              <Text size="sm">{message}</Text>
              <Button
                variant="subtle"
                size="compact-xs"
                onClick={() => {
                  onTab(tab);
                }}
              >
                Go there
              </Button>
            </Group>
          ))}
        </Alert>
      )}
      {error && <ProblemAlert error={error.reason} title={STAGES[error.stage]} />}
      {problems.length > 0 && (
        <Alert variant="light" color="yellow" title="Saved, but it cannot run yet">
          {problems.map((problem) => (
            <Text size="sm" key={problem.code + problem.message}>
              {problem.message}
            </Text>
          ))}
        </Alert>
      )}
    </>
  );
}

interface ActionsProps {
  saved: Saved | null;
  isDirty: boolean;
  isSaving: boolean;
  onSave: () => void;
  onDeleted: () => void;
}

function EditorActions({ saved, isDirty, isSaving, onSave, onDeleted }: ActionsProps) {
  const run = useRunMapping();
  const navigate = useNavigate();
  return (
    <>
      {saved && <DeleteMapping mapping={saved.mapping} onDeleted={onDeleted} />}
      {saved && (
        <LinkButton variant="default" to="/schedules/new" search={{ mapping_id: saved.mapping.id }}>
          Schedule
        </LinkButton>
      )}
      {saved && (
        <Button
          variant="default"
          loading={run.isPending}
          disabled={isDirty || saved.mapping.problems.length > 0}
          onClick={() => {
            run.mutate(saved.mapping.id, {
              onSuccess: ({ id }) => void navigate({ to: "/runs/$runId", params: { runId: id } }),
              onError: (error) =>
                notifications.show({
                  color: "red.8",
                  title: "Not started",
                  message: toProblem(error).message,
                }),
            });
          }}
        >
          Run now
        </Button>
      )}
      <Button loading={isSaving} disabled={saved !== null && !isDirty} onClick={onSave}>
        Save
      </Button>
    </>
  );
}

function DeleteMapping({ mapping, onDeleted }: { mapping: Mapping; onDeleted: () => void }) {
  const [isOpen, setIsOpen] = useState(false);
  const remove = useDeleteMapping();
  const navigate = useNavigate();
  const confirm = () => {
    remove.mutate(mapping.id, {
      onSuccess: () => {
        onDeleted();
        void navigate({ to: "/mappings" });
      },
    });
  };
  return (
    <>
      <Button
        variant="subtle"
        color="gray"
        onClick={() => {
          setIsOpen(true);
        }}
      >
        Delete
      </Button>
      <Confirm
        opened={isOpen}
        title={`Delete ${mapping.name}?`}
        action="Delete mapping"
        error={remove.error}
        isPending={remove.isPending}
        onConfirm={confirm}
        onClose={() => {
          setIsOpen(false);
        }}
      >
        <Text size="sm">
          Its column mappings go with it. Finished runs, the schema and the target table stay.
        </Text>
      </Confirm>
    </>
  );
}
