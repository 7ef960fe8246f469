import { Button, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { Confirm } from "@/components/ui/confirm";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { UnsavedGuard } from "@/components/ui/unsaved-guard";
import { schemaQuery, type TargetSchema, useDeleteSchema } from "@/features/schemas/api/schemas";
import { SchemaForm } from "@/features/schemas/components/schema-form";

const route = getRouteApi("/schemas/$schemaId");

export function NewSchemaPage() {
  const [isDirty, setIsDirty] = useState(false);
  const pass = useRef(false);
  const navigate = useNavigate();
  const leave = (schema: TargetSchema) => {
    pass.current = true;
    void navigate({ to: "/schemas/$schemaId", params: { schemaId: schema.id } });
  };
  return (
    <Page
      title="New schema"
      description="Columns of a target table, with types that every target database can hold."
    >
      <UnsavedGuard isDirty={isDirty} pass={pass} />
      <SchemaForm saved={null} onDirty={setIsDirty} onSaved={leave} />
    </Page>
  );
}

export function SchemaPage() {
  const { schemaId } = route.useParams();
  const { data, error } = useQuery(schemaQuery(schemaId));
  const [isDirty, setIsDirty] = useState(false);
  if (error)
    return (
      <Page title="Schema">
        <ProblemAlert error={error} />
      </Page>
    );
  if (!data) return <Loading />;
  const saved = (schema: TargetSchema) => {
    setIsDirty(false);
    notifications.show({ message: `${schema.name} is saved.` });
  };
  return (
    <Page title={data.name} description={data.description} actions={<DeleteSchema schema={data} />}>
      <UnsavedGuard isDirty={isDirty} />
      <SchemaForm key={data.version} saved={data} onDirty={setIsDirty} onSaved={saved} />
    </Page>
  );
}

function DeleteSchema({ schema }: { schema: TargetSchema }) {
  const [isOpen, setIsOpen] = useState(false);
  const remove = useDeleteSchema();
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
        title={`Delete ${schema.name}?`}
        action="Delete schema"
        error={remove.error}
        isPending={remove.isPending}
        onConfirm={() => {
          remove.mutate(schema.id, { onSuccess: () => void navigate({ to: "/schemas" }) });
        }}
        onClose={() => {
          setIsOpen(false);
        }}
      >
        <Text size="sm">Tables in target databases stay as they are; only the declaration is deleted.</Text>
      </Confirm>
    </>
  );
}
