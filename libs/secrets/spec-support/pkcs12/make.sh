#!/bin/sh
# Makes the PKCS#12 files that specs open; run once, with OpenSSL 3.0 and its legacy provider. They are checked in because not every
# OpenSSL can make them all. They are test data and protect nothing. The certificates are valid from the day they are made for a hundred years.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
password=pass:opensesame

for kind in rsa ec; do
  case $kind in
    rsa) algorithm=rsa:2048 ;;
    ec) algorithm='ec -pkeyopt ec_paramgen_curve:P-256' ;;
  esac
  # shellcheck disable=SC2086
  openssl req -x509 -newkey $algorithm -nodes -keyout "$work/$kind.key" -out "$work/$kind.pem" -days 36500 -sha256 \
    -subj "/O=Contoso/CN=restore $kind"
done

export_pfx() {
  name=$1
  kind=$2
  shift 2
  openssl pkcs12 -export -in "$work/$kind.pem" -inkey "$work/$kind.key" -passout $password -out "$name.pfx" "$@"
}

export_pfx modern rsa
export_pfx ec ec
export_pfx triple-des rsa -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
export_pfx rc2-40 rsa -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1
export_pfx rc2-128 rsa -legacy -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-RC2-128 -macalg sha1
export_pfx aes-128 ec -keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512
export_pfx rc4 rsa -legacy -keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-128 -macalg sha1
export_pfx unprotected rsa -nomac
export_pfx no-key rsa -nokeys
export_pfx no-certificate rsa -nocerts
export_pfx ten-million-rounds ec -iter 10000000
export_pfx no-mac-no-encryption rsa -nomac -keypbe NONE -certpbe NONE

# The empty password as OpenSSL and Azure Key Vault write it: two octets of zero in PKCS#12's own key derivation.
password=pass:
export_pfx empty-password rsa -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
export_pfx empty-password-aes rsa
export_pfx empty-password-no-mac rsa -nomac -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES

# The same as others write it: no octet at all, which the command cannot be made to write, but the library it calls can.
python3 - "$work/rsa" <<'PYTHON'
import ctypes, sys
crypto = ctypes.CDLL('libcrypto.so.3')
for name in ('BIO_new_file', 'PEM_read_bio_PrivateKey', 'PEM_read_bio_X509', 'PKCS12_create'):
    getattr(crypto, name).restype = ctypes.c_void_p
def read(reader, path):
    return getattr(crypto, reader)(ctypes.c_void_p(crypto.BIO_new_file(path.encode(), b'r')), None, None, None)
key = read('PEM_read_bio_PrivateKey', sys.argv[1] + '.key')
certificate = read('PEM_read_bio_X509', sys.argv[1] + '.pem')
TRIPLE_DES = 146
for name, mac_rounds in (('null-password', 2048), ('null-password-no-mac', -1)):
    made = crypto.PKCS12_create(None, None, ctypes.c_void_p(key), ctypes.c_void_p(certificate), None,
                                TRIPLE_DES, TRIPLE_DES, 2048, mac_rounds, 0)
    out = crypto.BIO_new_file((name + '.pfx').encode(), b'w')
    crypto.i2d_PKCS12_bio(ctypes.c_void_p(out), ctypes.c_void_p(made))
    crypto.BIO_free(ctypes.c_void_p(out))
PYTHON
