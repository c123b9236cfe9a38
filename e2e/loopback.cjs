// Loaded before a program that would listen on all addresses of the machine: it listens on loopback only.
const { Server } = require('node:net')

const listen = Server.prototype.listen
Server.prototype.listen = function (...given) {
  const options = typeof given[0] === 'object' ? given[0] : { port: given[0] }
  const ready = given.find((one) => typeof one === 'function')
  return listen.call(this, { ...options, host: '127.0.0.1' }, ready)
}
