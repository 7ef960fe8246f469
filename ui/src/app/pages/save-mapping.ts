import {
  createMapping,
  type Mapping,
  replaceColumnMappings,
  updateMapping,
} from "@/features/mappings/api/mappings";
import { createBody, type Draft, removedColumns, same, updateBody } from "@/features/mappings/model/draft";
import type { SchemaCreate, TargetSchema } from "@/features/schemas/api/schemas";

export type SaveStage = "schema" | "mapping" | "columns";

/** A save that stopped: at which of its documents, and why. */
export class SaveError extends Error {
  readonly stage: SaveStage;
  readonly reason: unknown;

  constructor(stage: SaveStage, reason: unknown) {
    super(stage);
    this.stage = stage;
    this.reason = reason;
  }
}

export interface Saved {
  mapping: Mapping;
  draft: Draft;
}

type SaveSchema = (request: {
  id: string | null;
  version?: number;
  body: SchemaCreate;
}) => Promise<TargetSchema>;

export interface SaveTools {
  /** The schema that the draft names, as it is stored. */
  stored: TargetSchema | undefined;
  saveSchema: SaveSchema;
  /** Called as soon as a schema is stored, so that another try does not store a second one. */
  onSchema: (schema: TargetSchema) => void;
}

/** Save schema, mapping and column mappings, in the order that keeps each one's references whole. */
export async function saveMapping(draft: Draft, saved: Saved | null, tools: SaveTools): Promise<string> {
  const hasFreed = saved !== null && (await freeColumns(draft, saved));
  const schemaId = await at("schema", () => storeSchema(draft, tools));
  const mappingId = await at("mapping", () => storeMapping(draft, saved, schemaId, hasFreed));
  if (hasFreed || !same(draft.specs, saved?.draft.specs ?? []))
    await at("columns", () => replaceColumnMappings(mappingId, draft.specs));
  return mappingId;
}

async function at<T>(stage: SaveStage, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new SaveError(stage, error);
  }
}

/** A column goes only once nothing fills it. */
async function freeColumns(draft: Draft, saved: Saved): Promise<boolean> {
  const removed = new Set(
    draft.schema_id === saved.draft.schema_id ? removedColumns(draft, saved.draft) : [],
  );
  if (removed.size === 0) return false;
  const kept = saved.draft.specs.filter((spec) => !spec.target_fields.some((name) => removed.has(name)));
  await at("columns", () => replaceColumnMappings(saved.mapping.id, kept));
  return true;
}

async function storeSchema(draft: Draft, { stored, saveSchema, onSchema }: SaveTools): Promise<string> {
  const body = { name: draft.schema_name.trim(), columns: draft.columns };
  if (draft.schema_id === null) {
    const schema = await saveSchema({ id: null, body });
    onSchema(schema);
    return schema.id;
  }
  if (stored && !same(stored.columns, draft.columns)) {
    onSchema(
      await saveSchema({
        id: stored.id,
        version: stored.version,
        body: { ...body, description: stored.description },
      }),
    );
  }
  return draft.schema_id;
}

async function storeMapping(
  draft: Draft,
  saved: Saved | null,
  schemaId: string,
  hasFreed: boolean,
): Promise<string> {
  if (!saved) return (await createMapping(createBody(draft, schemaId))).id;
  const body = updateBody(draft, saved.draft, schemaId);
  // Freeing columns has made a new version of the mapping already.
  if (body) await updateMapping(saved.mapping.id, hasFreed ? null : saved.mapping.version, body);
  return saved.mapping.id;
}
