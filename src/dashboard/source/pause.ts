/** Lets the browser answer inputs and paint before a long work goes on. */

export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
