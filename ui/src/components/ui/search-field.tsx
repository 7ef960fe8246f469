import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";

export function SearchField({
  label,
  value,
  onSearch,
}: {
  label: string;
  value: string;
  onSearch: (text: string) => void;
}) {
  const search = useDebouncedCallback(onSearch, 200);
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      defaultValue={value}
      w={240}
      maw="100%"
      leftSection={<IconSearch size={15} aria-hidden />}
      onChange={(event) => {
        search(event.currentTarget.value);
      }}
    />
  );
}
