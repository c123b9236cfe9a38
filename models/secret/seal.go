package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
)

// errSealed says that a sealed text cannot be read: it was sealed with another secret, or for something else.
var errSealed = errors.New("the sealed text cannot be read here")

// Seal encrypts a text with AES-GCM, under a key of this installation. Bound is what it belongs to, its purpose first:
// Open has to name the same.
func (k Keys) Seal(plain []byte, bound ...string) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, plain, binding(bound)), nil
}

// Open decrypts what Seal made of a text. Error: errSealed.
func (k Keys) Open(sealed []byte, bound ...string) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], binding(bound))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func (k Keys) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.Sealing)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return aead, nil
}

// binding writes each part after its length, so that no two lists have the same bytes.
func binding(parts []string) []byte {
	var b []byte
	for _, part := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}
