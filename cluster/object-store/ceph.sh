#!/usr/bin/env bash
# A real S3 server on 127.0.0.1 for tests: one Ceph monitor, one OSD and the RADOS gateway, without authentication between
# them. All it has lies in one folder, and what was acknowledged survives kill -9.
#
#   ceph.sh install            the Debian or Ubuntu packages it needs (as root, or with sudo that asks nothing)
#   ceph.sh start DIR [PORT]   install what is missing, start in DIR, wait until it answers; prints the variables of a client
#   ceph.sh stop DIR           stop what was started in DIR; its data stay, start goes on with them
#   ceph.sh kill DIR           the same with kill -9
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

readonly packages=(ceph-mon ceph-osd radosgw curl)
readonly programs=(ceph ceph-mon ceph-osd monmaptool radosgw radosgw-admin curl)
readonly daemons=(radosgw ceph-osd ceph-mon) # the order in which they stop: clients before servers
readonly access_key=recsys-ops-test secret_key=recsys-ops-test-secret

say() { echo "ceph.sh: $*" >&2; }

is_installed() {
    local program
    for program in "${programs[@]}"; do command -v "$program" >/dev/null || return 1; done
}

install_packages() {
    is_installed && return
    command -v apt-get >/dev/null || { say "no apt-get here; install ${packages[*]} by hand."; return 1; }
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    "${as_root[@]}" apt-get update -qq >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
    is_installed
}

# The settings of a store that trusts its machine and keeps one copy.
write_configuration() {
    local port=$1
    [ -s "$dir/fsid" ] || cat /proc/sys/kernel/random/uuid >"$dir/fsid"
    cat >"$conf" <<END
[global]
fsid = $(cat "$dir/fsid")
run dir = $dir/run
pid file = $dir/run/\$name.pid
admin socket = $dir/run/\$name.asok
log file = $dir/log/\$name.log
keyring = /dev/null
mon host = [v2:127.0.0.1:$((port + 1))]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
auth cluster required = none
auth service required = none
auth client required = none
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
ms mon client mode = crc
paxos propose interval = 0.05 # nobody to gather votes of
paxos min wait = 0.01
mon data avail warn = 1
mon data avail crit = 1
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd heartbeat grace = 2 # after kill -9, reads wait until the lease of the dead OSD ends, 0.8 of this
osd memory target = 939524096
bluestore block size = 8589934592
[mon.a]
mon data = $dir/mon
public addr = 127.0.0.1:$((port + 1))
[osd.0]
osd data = $dir/osd
[client.rgw]
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
rgw thread pool size = 64
END
}

start_daemons() {
    if [ ! -e "$dir/mon/store.db" ]; then
        monmaptool --create --clobber --fsid "$(cat "$dir/fsid")" \
            --addv a "[v2:127.0.0.1:$(($1 + 1))]" "$dir/monmap" >/dev/null
        ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap"
    fi
    running ceph-mon || ceph-mon -c "$conf" -i a
    if [ ! -e "$dir/osd/ready" ]; then
        local uuid
        uuid=$(cat /proc/sys/kernel/random/uuid)
        timeout 60 ceph -c "$conf" osd new "$uuid" 0 >/dev/null
        ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$uuid" 2>>"$dir/log/start.log"
    fi
    running ceph-osd || ceph-osd -c "$conf" -i 0 >/dev/null 2>>"$dir/log/start.log"
    running radosgw || radosgw -c "$conf" -n client.rgw
}

wait_until_it_answers() {
    local _
    for _ in $(seq 300); do
        curl --silent --fail --noproxy '*' --output /dev/null "$1" && return
        sleep 0.2
    done
    say "no answer from $1 within a minute; see $dir/log."
    return 1
}

make_user() {
    [ -e "$dir/user" ] && return
    radosgw-admin -c "$conf" user create --uid test --display-name test \
        --access-key "$access_key" --secret-key "$secret_key" >/dev/null 2>>"$dir/log/start.log"
    touch "$dir/user"
}

pid_file() {
    case $1 in
    ceph-mon) echo "$dir/run/mon.a.pid" ;;
    ceph-osd) echo "$dir/run/osd.0.pid" ;;
    radosgw) echo "$dir/run/client.rgw.pid" ;;
    esac
}

# Whether the daemon started in $dir lives; a zombie, or another program that got its number, does not count.
running() {
    local pid
    pid=$(cat "$(pid_file "$1")" 2>/dev/null) && [[ $(readlink "/proc/$pid/exe") == */"$1" ]]
}

end_daemons() {
    local daemon _
    for daemon in "${daemons[@]}"; do
        running "$daemon" || continue
        kill -s "$1" "$(cat "$(pid_file "$daemon")")"
        for _ in $(seq 100); do
            running "$daemon" || break
            sleep 0.1
        done
        running "$daemon" && kill -s KILL "$(cat "$(pid_file "$daemon")")"
    done
    return 0
}

case ${1:-} in
install) install_packages; exit ;;
start | stop | kill) [ -n "${2:-}" ] || { say "$1 needs a folder."; exit 2; } ;;
*) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

dir=$(realpath -m "$2")
conf=$dir/ceph.conf
case $1 in
stop) end_daemons TERM ;;
kill) end_daemons KILL ;;
start)
    port=${3:-9000}
    install_packages
    mkdir -p "$dir"/{mon,osd,rgw,run,log}
    write_configuration "$port"
    start_daemons "$port"
    wait_until_it_answers "http://127.0.0.1:$port"
    make_user
    echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$port"
    echo "export AWS_ACCESS_KEY_ID=$access_key"
    echo "export AWS_SECRET_ACCESS_KEY=$secret_key"
    ;;
esac
