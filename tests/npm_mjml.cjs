// MJML by npm's mjml: JSON on standard input, JSON on standard output. Run by tests/npm_mjml.py, which names NODE_PATH.
const mjml = require('mjml')

const compile = mjml.default || mjml
const options = { fonts: {}, validationLevel: 'soft', keepComments: true }

async function main() {
  const { mjml: source, rounds } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
  const spent = []
  let made
  for (let round = 0; round <= rounds; round += 1) {
    const before = process.cpuUsage()
    made = await compile(source, options)
    const { user, system } = process.cpuUsage(before)
    spent.push((user + system) / 1000)
  }
  const errors = (made.errors || []).map((one) => one.formattedMessage || String(one))
  process.stdout.write(JSON.stringify({ html: made.html, errors, first: spent[0], warm: spent.slice(1) }))
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
