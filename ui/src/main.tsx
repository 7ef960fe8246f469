import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app/app.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { styleNonce } from "./lib/page-facts";

// The scroll lock of dialogs asks for the nonce of its styles under this name.
Object.assign(globalThis, { __webpack_nonce__: styleNonce ?? undefined });

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
