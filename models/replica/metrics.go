package replica

import "github.com/prometheus/client_golang/prometheus"

func newReads() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollgate_replica_reads_total",
		Help: "Reports and lists that the replica may answer, by the server that did: replica or primary.",
	}, []string{"server"})
}

// Read counts a report or list that the standby may answer, by whether it did.
func (r *Replica) Read(byReplica bool) {
	server := "primary"
	if byReplica {
		server = "replica"
	}
	r.reads.WithLabelValues(server).Inc()
}

// Describe is part of [prometheus.Collector].
func (r *Replica) Describe(ch chan<- *prometheus.Desc) { r.reads.Describe(ch) }

// Collect is part of [prometheus.Collector].
func (r *Replica) Collect(ch chan<- prometheus.Metric) { r.reads.Collect(ch) }
