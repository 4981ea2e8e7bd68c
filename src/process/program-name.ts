/** How a shell starts the program of managers and agents: by its name where the package is installed, in a clone from its sources. */

export const programName = import.meta.url.endsWith('.ts') ? 'node src/main.ts' : 'container-orchestrator';
