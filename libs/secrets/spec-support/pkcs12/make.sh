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
