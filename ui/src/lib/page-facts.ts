// What whoever serves the page tells it; in development and tests the marks stand unfilled.
function readMeta(name: string): string | null {
  const content = document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";
  return content === "" || content.startsWith("{{") ? null : content;
}

/** The nonce that style elements need under the page's security policy; null where there is no policy. */
export const styleNonce = readMeta("style-nonce");

/** What the paths of the API's resources start with in this installation. */
export const apiPrefix = readMeta("api-prefix") ?? "/api/v1";
