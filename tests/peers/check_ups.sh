# check_ups of the monitoring plugins, as Nagios and Icinga call it: HOST PORT.
set -eu
check() {
    # The exit code and the first words of the answer.
    want_code=$1 want=$2
    shift 2
    code=0
    said=$(/usr/lib/nagios/plugins/check_ups -H "$HOST" -p "$PORT" "$@") || code=$?
    case $code:$said in
    "$want_code:$want"*) ;;
    *)
        echo "check_ups $*: wanted $want_code:$want, got $code:$said" >&2
        exit 1
        ;;
    esac
}
HOST=$1 PORT=$2
check 0 'UPS OK - Status=Online, Charging Utility=230.1V' -u lab
check 0 'UPS OK' -u lab -v LINE -w 240 -c 250
check 2 'UPS CRITICAL' -u lab -v LOADPCT -w 5 -c 10
check 2 "CRITICAL - no such UPS 'nosuch'" -u nosuch
