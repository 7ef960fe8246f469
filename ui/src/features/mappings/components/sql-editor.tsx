import {
  autocompletion,
  closeCompletion,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { MariaSQL, MySQL, PostgreSQL, sql, SQLite } from "@codemirror/lang-sql";
import { type Diagnostic, linter } from "@codemirror/lint";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import CodeMirror from "@uiw/react-codemirror";
import { useMemo, useRef } from "react";
import { styleNonce } from "@/lib/page-facts";
import { columnCompletions } from "../model/column-completions";

const DIALECTS = { postgresql: PostgreSQL, mysql: MySQL, sqlite: SQLite, mariadb: MariaSQL } as const;

export interface SqlTable {
  namespace: string | null;
  name: string;
  columns: readonly { name: string }[];
}

export interface SqlFault {
  /** Characters into the text; the whole text where it is not known. */
  offset: number | null;
  message: string;
}

interface Props {
  value: string;
  dbType: keyof typeof DIALECTS;
  tables: readonly SqlTable[];
  fault: SqlFault | null;
  onChange: (value: string) => void;
  onRun: () => void;
}

const look = EditorView.theme({
  "&": { fontSize: "13px", backgroundColor: "transparent", color: "var(--mantine-color-text)" },
  "&.cm-focused": { outline: "2px solid var(--app-accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)", lineHeight: "1.55" },
  ".cm-gutters": {
    backgroundColor: "var(--app-surface)",
    color: "var(--mantine-color-dimmed)",
    border: "none",
  },
  ".cm-content": { padding: "10px 0", caretColor: "var(--mantine-color-text)" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  ".cm-activeLine, .cm-activeLineGutter": {
    backgroundColor: "color-mix(in srgb, var(--app-accent) 7%, transparent)",
  },
  "& .cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--app-accent) 28%, transparent)",
  },
  ".cm-placeholder": { color: "var(--mantine-color-placeholder)" },
  ".cm-tooltip": {
    backgroundColor: "var(--mantine-color-body)",
    color: "var(--mantine-color-text)",
    border: "1px solid var(--app-line)",
    borderRadius: "4px",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--app-accent)",
    color: "var(--mantine-color-body)",
  },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--app-info)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--app-good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--app-warn)" },
  { tag: tags.comment, color: "var(--mantine-color-dimmed)", fontStyle: "italic" },
]);

export default function SqlEditor({ value, dbType, tables, fault, onChange, onRun }: Props) {
  const run = useRef(onRun);
  run.current = onRun;
  const extensions = useMemo(() => {
    const keys = keymap.of([
      {
        key: "Mod-Enter",
        run: (view) => {
          closeCompletion(view);
          run.current();
          return true;
        },
      },
    ]);
    return [
      Prec.highest(keys),
      sql({ dialect: DIALECTS[dbType], schema: completionsOf(tables), upperCaseKeywords: true }),
      // That of the language offers columns only behind the name of their table and a point.
      DIALECTS[dbType].language.data.of({
        autocomplete: (context: CompletionContext) => completeColumns(context, tables),
      }),
      autocompletion({ icons: false }),
      linter(({ state }) => diagnose(fault, state.doc.toString()), { delay: 0 }),
      EditorView.lineWrapping,
      EditorView.cspNonce.of(styleNonce ?? ""),
      EditorView.contentAttributes.of({ "aria-label": "Source query" }),
      look,
      syntaxHighlighting(colours),
    ];
  }, [dbType, tables, fault]);
  return (
    <CodeMirror
      value={value}
      theme="none"
      extensions={extensions}
      minHeight="150px"
      maxHeight="420px"
      indentWithTab={false}
      placeholder="SELECT … FROM …"
      basicSetup={{ foldGutter: false, autocompletion: false }}
      onChange={onChange}
    />
  );
}

function completeColumns(context: CompletionContext, tables: readonly SqlTable[]): CompletionResult | null {
  const word = context.matchBefore(/[\w$]*/);
  if (!word || (word.text === "" && !context.explicit)) return null;
  if (context.state.sliceDoc(word.from - 1, word.from) === ".") return null;
  const options = columnCompletions(context.state.doc.toString(), tables).map((column) => ({
    ...column,
    type: "property",
    boost: 1,
  }));
  return { from: word.from, options, validFor: /^[\w$]*$/ };
}

function completionsOf(tables: readonly SqlTable[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const table of tables) {
    const columns = table.columns.map(({ name }) => name);
    found[table.name] = columns;
    if (table.namespace) found[`${table.namespace}.${table.name}`] = columns;
  }
  return found;
}

function diagnose(fault: SqlFault | null, text: string): Diagnostic[] {
  if (!fault || text === "") return [];
  const from = Math.min(fault.offset ?? 0, text.length - 1);
  const word = /^\S+/.exec(text.slice(from))?.[0].length ?? 1;
  return [
    {
      from,
      to: fault.offset === null ? text.length : from + word,
      severity: "error",
      message: fault.message,
    },
  ];
}
