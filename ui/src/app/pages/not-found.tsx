import { EmptyState } from "@/components/ui/empty-state";
import { LinkButton } from "@/components/ui/link-button";
import { Page } from "@/components/ui/page";

export function NotFoundPage() {
  return (
    <Page title="Not found">
      <EmptyState
        title="There is nothing at this address"
        actions={<LinkButton to="/">Go home</LinkButton>}
      />
    </Page>
  );
}
