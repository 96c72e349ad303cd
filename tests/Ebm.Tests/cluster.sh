#!/bin/bash
# A SLURM cluster of four nodes on this machine, with daemons of its own, for the laws about SLURM: cluster.sh FOLDER. It prints "ready" when
# jobs can be submitted with SLURM_CONF=FOLDER/slurm.conf. Then it obeys lines such as "kill n2" or "start controller", and answers "done". All
# processes end, jobs included, when the input ends, or after half an hour without a line. It must run as root.
#
# The nodes differ by their ports. Processes are tracked by their parents, because control groups belong to the whole machine; SLURM itself
# samples a job's memory once a second, and kills a job that exceeds it, as the kernel would.
set -u
place=$1
host=$(hostname -s)
# Below the ports that the system gives away; another cluster may be on this machine.
port=$((10000 + RANDOM % 2000 * 10))
PATH=$PATH:/usr/sbin
export SLURM_CONF=$place/slurm.conf
mkdir -p "$place/state" "$place/munge"
# The shell reports there each daemon that is killed.
exec 2> "$place/cluster.log"
chmod 755 "$place"
head -c 128 /dev/urandom > "$place/munge/key"
chmod 600 "$place/munge/key"
chown -R munge: "$place/munge"

cat > "$SLURM_CONF" << END
ClusterName=laws
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
AuthInfo=socket=$place/munge/socket,cred_expire=5
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/%n
SlurmctldPidFile=$place/controller.pid
SlurmdPidFile=$place/%n.pid
SlurmctldLogFile=$place/controller.log
SlurmdLogFile=$place/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory,CR_LLN
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
MpiDefault=none
MaxArraySize=3
ReturnToService=2
SlurmdTimeout=5
KillWait=2
MinJobAge=600
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
DefMemPerCPU=100
NodeName=n[1-3] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 3))] CPUs=8 RealMemory=64000 Weight=2
NodeName=n4 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 4)) CPUs=8 RealMemory=64000
PartitionName=usual Nodes=n[1-2] Default=YES
PartitionName=spare Nodes=n3 PriorityTier=1
PartitionName=urgent Nodes=n3 PriorityTier=9
PartitionName=fragile Nodes=n1,n4
END

declare -A ids=()
start() {
    case $1 in
        munge) set -- setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --force --key-file="$place/munge/key" --socket="$place/munge/socket" --pid-file="$place/munge/pid" --log-file="$place/munge/log" --seed-file="$place/munge/seed" ;;
        controller) set -- slurmctld -D ;;
        *) set -- env "LAWS_NODE=$1" slurmd -D -N "$1" ;;
    esac
    "$@" > /dev/null 2>&1 < /dev/null &
}

# The processes of this cluster whose environment has a line.
with() {
    grep -slz "^SLURM_CONF=$SLURM_CONF\$" /proc/[0-9]*/environ | while IFS=/ read -r _ _ id _; do
        if [ "$id" != "$$" ] && grep -sqz "$1" "/proc/$id/environ"; then echo "$id"; fi
    done
}

finish() {
    # Jobs and what supervises them are in sessions of their own.
    # shellcheck disable=SC2046
    kill -KILL "${ids[@]}" $(with .) 2> /dev/null
    wait 2> /dev/null
    exit 0
}
trap finish EXIT

start munge
ids[munge]=$!
for _ in $(seq 100); do [ -S "$place/munge/socket" ] && break; sleep 0.05; done
for name in controller n1 n2 n3 n4; do
    start "$name"
    ids[$name]=$!
done
says="the nodes are not idle"
# Without its controller, sinfo tries for long.
while [ "$SECONDS" -lt 60 ]; do
    if [ "$(timeout 5 sinfo --noheader --Node --states=idle --format=%N | sort -u | wc -l)" = 4 ]; then
        says=ready
        break
    fi
    sleep 0.1
done
echo "$says"

while read -r -t 1800 verb name; do
    case $verb in
        start)
            start "$name"
            ids[$name]=$!
            ;;
        kill) kill -KILL "${ids[$name]}" ;;
        # A power cut: the daemon, and what supervises jobs, before the jobs, whose end nothing reports then.
        cut)
            # shellcheck disable=SC2046
            kill -KILL "${ids[$name]}" $(with "^LAWS_NODE=$name\$") $(with "^SLURMD_NODENAME=$name\$") 2> /dev/null
            ;;
    esac
    echo "done"
done
