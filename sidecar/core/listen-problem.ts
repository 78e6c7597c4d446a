/** Why a listener could not be had, for the person who started it. */
export function listenProblem(
  flag: string,
  address: { readonly host: string; readonly port: number },
  error: NodeJS.ErrnoException,
): string {
  const where = `${address.host}:${address.port}`
  if (error.code === 'EADDRINUSE')
    return `Cannot listen on ${where} (${flag}): the port is in use by another program; stop it, or choose another port`
  if (error.code === 'EACCES')
    return `Cannot listen on ${where} (${flag}): this user may not use the port; choose one above 1023`
  return `Cannot listen on ${where} (${flag}): ${error.message}`
}
