import { Button, Group, Stack, Text, TextInput, SimpleGrid } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { fieldPath, formErrors, toProblem } from "@/lib/api/problem";
import { type TargetSchema, useSaveSchema } from "../api/schemas";
import { type Column, columnFaults, emptyColumn } from "../model/columns";
import { ColumnsEditor } from "./columns-editor";

interface Props {
  saved: TargetSchema | null;
  onDirty: (isDirty: boolean) => void;
  onSaved: (schema: TargetSchema) => void;
}

interface Values {
  name: string;
  description: string;
  columns: Column[];
}

function valuesOf(saved: TargetSchema | null): Values {
  if (!saved) return { name: "", description: "", columns: [emptyColumn()] };
  return { name: saved.name, description: saved.description ?? "", columns: saved.columns };
}

export function SchemaForm({ saved, onDirty, onSaved }: Props) {
  const [values, setValues] = useState(() => valuesOf(saved));
  const save = useSaveSchema();
  const problem = save.error ? toProblem(save.error) : null;
  const known = ["name", "description", ...(problem?.fields.map(({ loc }) => fieldPath(loc)) ?? [])];
  const errors = problem ? formErrors(problem, known) : {};
  const change = (part: Partial<Values>) => {
    const next = { ...values, ...part };
    setValues(next);
    onDirty(JSON.stringify(next) !== JSON.stringify(valuesOf(saved)));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = {
      name: values.name.trim(),
      description: values.description.trim() || null,
      columns: values.columns,
    };
    save.mutate({ id: saved?.id ?? null, version: saved?.version, body }, { onSuccess: onSaved });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <Panel title="Schema">
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" style={{ alignItems: "end" }}>
            <TextInput
              label="Name"
              required
              value={values.name}
              error={errors.name}
              description="Also the name of the target table, unless a mapping says another."
              onChange={(event) => {
                change({ name: event.currentTarget.value });
              }}
            />
            <TextInput
              label="Description"
              value={values.description}
              error={errors.description}
              description="For people."
              onChange={(event) => {
                change({ description: event.currentTarget.value });
              }}
            />
          </SimpleGrid>
        </Panel>
        <Panel title="Columns">
          <ColumnsEditor
            columns={values.columns}
            stored={saved?.columns.map((column) => column.name) ?? []}
            errors={errors}
            onChange={(columns) => {
              change({ columns });
            }}
          />
          {errors.columns && (
            <Text size="sm" c="var(--app-bad)" role="alert" mt="xs">
              {errors.columns}
            </Text>
          )}
        </Panel>
        {problem && (errors[""] || problem.fields.length === 0) && <ProblemAlert error={problem} />}
        <Group>
          <Button
            type="submit"
            size="sm"
            loading={save.isPending}
            disabled={columnFaults(values.columns).size > 0}
          >
            {saved ? "Save changes" : "Save schema"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
