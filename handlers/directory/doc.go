// Package directory answers the directories that provision users by SCIM 2.0, below /scim/v2: who they are by their
// token, how often they may ask, what they may send, and the answers in the form of the protocol. What is done is in
// models/provision, the language in models/scim.
package directory
