/** How many replicas a service is to have, and what is done with the number. */

import { useSignal } from '@preact/signals';

type Props = { service: string; replicas: number; words: string; onReplicas(replicas: number): void };

export function ReplicasField({ service, replicas, words, onReplicas }: Props) {
  const text = useSignal(String(replicas));
  return (
    <form
      class="input-group input-group-sm co-field"
      onSubmit={(event) => {
        event.preventDefault();
        onReplicas(Number(text.value));
      }}
    >
      <input
        class="form-control"
        type="number"
        min={0}
        max={10_000}
        required
        aria-label={`Replicas of ${service}`}
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
      <button type="submit" class="btn btn-outline-secondary">
        {words} …
      </button>
    </form>
  );
}
