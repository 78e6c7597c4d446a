/** The host that all load asks for; contestants that route by host know it. */
export const HOST = 'api'
