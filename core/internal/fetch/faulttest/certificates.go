// Certificates, made once for all servers of the process.

package faulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"sync"
	"time"
)

// Host is the name that the certificates are for.
const Host = "host.example"

var (
	trusted   = sync.OnceValue(certificate)
	untrusted = sync.OnceValue(certificate)
)

// Roots returns the pool that trusts the servers.
func Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(trusted().Leaf)
	return pool
}

// certificate signs itself. It is good at the time of a bubble too, which begins in the year 2000.
func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system has no entropy
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{Host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
