// An identity provider for the journeys: oidc-provider with one client, the console at the address given. It prints its
// issuer and listens on loopback only. Its pages are its own, since those of the library fetch a font.
//
//	node identity_provider.mjs http://127.0.0.1:8080
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const home = process.argv[2]

// Whose groups: one user for each journey.
const groups = {
  grace: ['everyone', 'engineering'], heidi: ['everyone'], ivan: ['contractors'], judy: ['engineering'], ken: ['engineering'],
  lena: ['engineering'], mia: ['engineering'], nick: ['everyone'], olga: ['everyone', 'pilots'],
}

const page = (title, body) => `<!DOCTYPE html><html lang="en"><head><title>${title}</title></head><body><main><h1>${title}</h1>${body}</main></body></html>`

const server = createServer()
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const issuer = `http://localhost:${server.address().port}`
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'console', client_secret: 'a client secret', redirect_uris: [`${home}/login/company/callback`],
    post_logout_redirect_uris: [`${home}/login`],
    backchannel_logout_uri: `${home}/login/company/backchannel`, backchannel_logout_session_required: true,
  }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'one' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub', 'groups'], profile: ['name'], email: ['email', 'email_verified'] },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      logoutSource: (ctx, form) => {
        ctx.body = page('Sign out of the company?', `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out everywhere</button>`)
      },
      postLogoutSuccessSource: (ctx) => { ctx.body = page('Signed out of the company', '') },
    },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id[0].toUpperCase() + id.slice(1) + ' of the company', email: `${id}@example.com`, email_verified: true, groups: groups[id] }),
  }),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid profile email')
    await grant.save()
    return grant
  },
  // The library calls no address of loopback by itself.
  fetch: (url, options) => {
    delete options.dispatcher
    delete options.signal // a busy console may take longer to sign out than the library waits
    return fetch(url, options)
  },
})

const answer = provider.callback()
server.on('request', async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response)
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html')
    return response.end(page('Sign in to the company', '<form method="post"><label>Account <input name="account"></label> <button>Continue</button></form>'))
  }
  let body = ''
  for await (const chunk of request) body += chunk
  await provider.interactionFinished(request, response, { login: { accountId: new URLSearchParams(body).get('account') } })
})
console.log(issuer)
