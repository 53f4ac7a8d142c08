#pragma once

// The process: the only place that knows all parts. Made and run on the main thread, whose asio loop serves the
// administration, signals and discovery; the workers serve the traffic.
//
// | state    | meaning                                                            | left by                          |
// |----------|--------------------------------------------------------------------|----------------------------------|
// | starting | sockets are bound; hosts, secrets, clusters, listeners are fetched | all is there, or not waited for any more |
// | live     | listening                                                          | SIGTERM, SIGINT, /quitquitquit   |
// | draining | no new connections; streams finish, for the drain time at the most | the last stream's end, the time, a second signal |
// | stopped  | Run() returns                                                      | -                                |

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "source/admin/sources.h"
#include "source/base/clock.h"
#include "source/client/control_thread.h"
#include "source/client/grpc.h"
#include "source/client/http.h"
#include "source/client/line_stream.h"
#include "source/config/load.h"
#include "source/config/model.h"
#include "source/config/resources.h"
#include "source/event/asio_timers.h"
#include "source/last_good/last_good.h"
#include "source/load_report/reporter.h"
#include "source/net/listener.h"
#include "source/proxy/listener.h"
#include "source/push/feed.h"
#include "source/push/filter_configs.h"
#include "source/push/route_tables.h"
#include "source/push/scoped_routes.h"
#include "source/secrets/sources.h"
#include "source/server/certificate_renewal.h"
#include "source/server/cluster_set.h"
#include "source/server/configured_set.h"
#include "source/server/control_hosts.h"
#include "source/server/discovery.h"
#include "source/server/host_health.h"
#include "source/server/listener_set.h"
#include "source/server/memory_return.h"
#include "source/server/options.h"
#include "source/server/runtime.h"
#include "source/server/stats_sinks.h"
#include "source/server/turn_probe.h"
#include "source/server/watchdog_thread.h"
#include "source/server/worker_thread.h"
#include "source/stats/registry.h"
#include "source/telemetry/log_writer.h"
#include "source/upstream/cluster.h"
#include "source/xds/planes.h"

namespace pillion::server {

class Administration;
class GuardControl;
class OverloadControl;

class Server {
 public:
  // `load`: how `bootstrap` was loaded.
  Server(const Options& options, std::shared_ptr<const config::Bootstrap> bootstrap, config::LoadOptions load);
  ~Server();

  // Binds every socket and starts the workers. An error names what could not be done; nothing runs then.
  absl::Status Start();

  // Until the process shall end.
  void Run();

 private:
  friend class Administration;

  enum class State : uint8_t { kStarting, kLive, kDraining, kStopped };
  enum class Listening : uint8_t { kYes, kEnding, kNo };

  // As control planes are told who asks.
  envoy::config::core::v3::Node OwnNode() const;
  void MakePlanes();
  absl::Status MakeClusters();
  // What comes from others, one after the other: each needs those before it. Then it is live.
  void Discover();
  void FetchSecrets();
  void FetchClusters();
  void FetchListeners();
  // What is wrong with each, in one line each; empty: it is taken.
  std::vector<std::vector<std::string>> SetClusters(const push::Feed::Bodies& resources, const config::ConfigSource& sender);
  std::vector<std::vector<std::string>> SetListeners(const push::Feed::Bodies& resources,
                                                     const config::ConfigSource& sender);
  push::Feed::Surroundings FeedSurroundings();
  WhenSecretsReady AwaitSecrets();
  absl::Status OpenListeners();
  void StartLoadReports();
  void GoLive();
  // When all that happens now has happened: whether the listeners' filters can do what they are there for.
  void CheckContextsSoon();
  void RegisterStats();
  void RollStats();
  // Ends an interval of the histograms, and tells the sinks.
  void FlushStats();
  void MakeWatchdog();
  void MakeStatsSinks();
  admin::State admin_state() const;
  std::chrono::seconds uptime() const;
  absl::Status DrainListeners(const admin::DrainQuery& query);
  // Empty: what it is configured with may be replaced.
  std::string WhyNoReload() const;
  void WaitForSignal();
  void OnSignal(int signal);
  void Drain();
  // Closes the listening sockets so that no connection is lost that has begun; then `closed`. When several ask for it, it
  // is done once, and all hear of it.
  void StopListening(std::function<void()> closed);
  void OnClosed();
  // The listeners of inbound traffic alone: after the drain time, or now.
  void CheckIdentities();
  void DrainInbound(bool graceful);
  void FailHealthcheck(bool fail);
  void Stop();

  const Options options_;
  // What only a restart can change: without clusters and listeners, which configured_ has.
  const std::shared_ptr<const config::Bootstrap> bootstrap_;
  const base::SystemClock clock_;
  stats::Registry registry_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_};
  boost::asio::steady_timer drain_timer_{io_};
  boost::asio::steady_timer roll_timer_{io_};

  event::FileWatcher files_{io_};
  event::AsioTimers timers_{io_};
  MemoryReturn memory_{timers_, clock_};
  config::PassedOver passed_over_;        // in what comes while it runs
  const config::UnknownRule unknown_;     // the rule for that
  Runtime runtime_;
  telemetry::LogWriter log_writer_;
  client::ControlThread control_thread_{clock_, [this](auto work) { boost::asio::post(io_, std::move(work)); }};
  client::ThreadCaller caller_{control_thread_};
  client::ThreadHttpCaller http_caller_{control_thread_};
  client::ThreadLineDialer line_dialer_{control_thread_};
  config::Resources resources_;
  std::unique_ptr<GuardControl> guard_;  // null: nothing is gone back from
  std::unique_ptr<CertificateRenewal> certificates_;
  std::unique_ptr<CertificateRenewal::Watch> admin_certificates_;
  std::unique_ptr<push::Feed> cluster_feed_;   // null: all that there are are configured
  std::unique_ptr<push::Feed> listener_feed_;  // null as well
  std::unique_ptr<push::ScopedRoutes> scoped_routes_;
  std::unique_ptr<last_good::LastGood> last_good_;  // null: nothing is kept
  std::unique_ptr<xds::Planes> planes_;
  std::unique_ptr<secrets::Sources> secrets_;
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<HostHealth> host_health_;
  std::unique_ptr<ClusterSet> clusters_;
  std::unique_ptr<OverloadControl> overload_;  // null: nothing is given up for want of resources
  std::unique_ptr<push::RouteTables> route_tables_;
  std::unique_ptr<push::FilterConfigs> filter_configs_;
  std::unique_ptr<ListenerSet> listeners_;
  ConfiguredSet configured_;
  bool reload_when_live_ = false;
  bool checks_identities_ = false;  // in a moment
  bool checks_contexts_ = false;    // the same
  bool says_contexts_lack_ = false;
  std::string lacking_contexts_;  // of colours: what was said last
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::unique_ptr<ControlHosts> control_hosts_;
  std::unique_ptr<Administration> administration_;
  std::unique_ptr<StatsSinks> stats_sinks_;
  std::unique_ptr<TurnProbe> turn_probe_;  // null: nobody wants to know
  std::unique_ptr<WatchdogThread> watchdog_;
  std::unique_ptr<load_report::Reporter> load_reports_;  // null: nobody is told
  uint64_t dropped_flushes_ = 0;
  const base::MonotonicTime started_;
  size_t busy_workers_ = 0;
  std::atomic<bool> healthcheck_failed_ = false;  // read by the workers
  std::atomic<uint64_t> connections_ = 0;         // of clients; the workers count them
  Listening listening_ = Listening::kYes;
  std::vector<std::function<void()>> when_closed_;
  bool draining_listeners_ = false;
  stats::Histogram* initialization_ms_ = nullptr;
  State state_ = State::kStarting;
};

}  // namespace pillion::server
