import {
  ActionIcon,
  Alert,
  Button,
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  Modal,
  Select,
  Table,
  Tabs,
  Textarea,
  TextInput,
  Tooltip,
} from "@mantine/core";

const teal: MantineColorsTuple = [
  "#e9f7f6",
  "#d3ecea",
  "#a6d9d5",
  "#75c4bf",
  "#4fb3ad",
  "#2b9c96",
  "#148681",
  "#0b6e6a",
  "#075a57",
  "#044643",
];

const dark: MantineColorsTuple = [
  "#d5dcdd",
  "#b4bfc1",
  "#8b989a",
  "#5f6d70",
  "#3a4649",
  "#2c3638",
  "#1b2224",
  "#14191b",
  "#0f1314",
  "#0a0d0e",
];

const TONES: Record<string, string> = {
  red: "var(--app-bad)",
  yellow: "var(--app-warn)",
  blue: "var(--app-info)",
};

export const theme = createTheme({
  primaryColor: "teal",
  colors: { teal, dark },
  primaryShade: 7,
  defaultRadius: "sm",
  cursorType: "pointer",
  fontFamily: "Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
  fontFamilyMonospace:
    "ui-monospace, 'JetBrains Mono', 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  headings: {
    fontWeight: "620",
    sizes: { h1: { fontSize: "1.25rem" }, h2: { fontSize: "1rem" }, h3: { fontSize: "0.875rem" } },
  },
  respectReducedMotion: true,
  components: {
    // The same tones as everywhere else, in light and in dark.
    Alert: Alert.extend({
      vars: (_theme, { color }) => ({ root: { "--alert-color": TONES[color ?? ""] ?? "var(--app-quiet)" } }),
    }),
    Button: Button.extend({ defaultProps: { size: "xs" } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray" } }),
    TextInput: TextInput.extend({ defaultProps: { size: "sm" } }),
    Textarea: Textarea.extend({ defaultProps: { size: "sm" } }),
    Select: Select.extend({ defaultProps: { size: "sm", allowDeselect: false, checkIconPosition: "right" } }),
    Table: Table.extend({
      defaultProps: { verticalSpacing: 6, horizontalSpacing: "sm", highlightOnHover: true },
    }),
    Tabs: Tabs.extend({ defaultProps: { keepMounted: false } }),
    Modal: Modal.extend({ defaultProps: { centered: true, transitionProps: { duration: 120 } } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250, withArrow: true, multiline: true, maw: 340 } }),
  },
});

// Mantine's own greys and reds miss the contrast of WCAG AA for small text.
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#4d565f",
    "--mantine-color-placeholder": "#666f78",
    "--mantine-color-error": "#b42318",
    "--mantine-color-body": "#ffffff",
    "--app-accent": "#0b6e6a",
    "--app-surface": "#f6f8f8",
    "--app-line": "#dde3e3",
    "--app-good": "#1b6e3c",
    "--app-bad": "#b42318",
    "--app-warn": "#8a4b00",
    "--app-info": "#0b5e8a",
    "--app-quiet": "#4d565f",
    "--app-null": "#6a5a8e",
  },
  dark: {
    "--mantine-color-dimmed": "#a9b4b6",
    "--mantine-color-placeholder": "#939fa2",
    "--mantine-color-error": "#ff8f85",
    "--mantine-color-body": "#14191b",
    "--mantine-color-default": "#1b2224",
    "--mantine-color-default-border": "#3a4649",
    "--app-accent": "#4fb3ad",
    "--app-surface": "#1a2022",
    "--app-line": "#2c3638",
    "--app-good": "#6fd497",
    "--app-bad": "#ff8f85",
    "--app-warn": "#f2b660",
    "--app-info": "#7cc4ec",
    "--app-quiet": "#a9b4b6",
    "--app-null": "#b9a6e3",
  },
});
