#!/bin/sh
# Makes what compose.yaml needs and nobody else may read: .env with passwords, and the broker's certificates and
# passwords. What is there already stays. Usage: deploy/make_secrets.sh HOST [FOLDER]
set -eu
host=${1:?the name under which people reach the lab, such as lab.example.org}
root=${2:-$(cd "$(dirname "$0")/.." && pwd)}
umask 077
word() { openssl rand -hex 24; }

if [ ! -e "$root/.env" ]; then
    cat > "$root/.env" <<SETTINGS
LAB_HOST=$host
ADMIN_PASSWORD=$(word)
METRICS_TOKEN=$(word)
POSTGRES_PASSWORD=$(word)
MQTT_PASSWORD=$(word)
SETTINGS
fi

cd "$root/deploy/mosquitto"
if [ ! -e server.key ]; then
    openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=P2P lab broker CA" \
        -keyout ca.key -out ca.crt 2>/dev/null
    openssl req -newkey rsa:3072 -nodes -subj "/CN=$host" -keyout server.key -out server.csr 2>/dev/null
    printf 'subjectAltName=DNS:%s,DNS:broker,DNS:localhost,IP:127.0.0.1\n' "$host" > server.ext
    openssl x509 -req -days 825 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
        -extfile server.ext -out server.crt 2>/dev/null
    rm server.csr server.ext
    chmod 644 ca.crt server.crt
fi
if [ ! -e passwords ]; then
    password=$(sed -n 's/^MQTT_PASSWORD=//p' "$root/.env")
    if command -v mosquitto_passwd >/dev/null; then
        touch passwords && mosquitto_passwd -b passwords lab "$password"
    else
        docker run --rm -v "$PWD:/c" eclipse-mosquitto:2.0 \
            sh -c "touch /c/passwords && mosquitto_passwd -b /c/passwords lab '$password'"
    fi
    chmod 600 passwords
fi
# The broker in its container is a user of its own, and the only one that may read these two.
broker=${BROKER_UID:-1883}
if [ "$(id -u)" = 0 ]; then
    chown "$broker" server.key passwords
elif [ "$broker" != "$(id -u)" ]; then
    docker run --rm -v "$PWD:/c" eclipse-mosquitto:2.0 chown "$broker" /c/server.key /c/passwords
fi
echo "Made for $host: .env (admin's first password is in it) and deploy/mosquitto. Now: docker compose up -d --build"
