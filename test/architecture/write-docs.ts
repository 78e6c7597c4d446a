import { writeFileSync } from 'node:fs'
import { DOC_TABLES, readPage, toPath, withTable } from './doc-tables.ts'

// Brings the tables of the reference up to date with the code.
for (const [path, table] of Object.entries(DOC_TABLES)) writeFileSync(toPath(path), withTable(readPage(path), table()))
