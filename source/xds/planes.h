#pragma once

// All that resources come from while the process runs: control planes, of each one stream for all (ADS) or one for each
// type, and files. Those who name the same source share it, whoever asks. Owned by the server; main thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "source/base/random.h"
#include "source/client/grpc.h"
#include "source/config/config_source.h"
#include "source/stats/registry.h"
#include "source/xds/control_plane_stats.h"
#include "source/xds/fallback.h"
#include "source/xds/file_subscription.h"
#include "source/xds/journal.h"
#include "source/xds/kind.h"
#include "source/xds/named_resources.h"
#include "source/xds/rest_subscription.h"
#include "source/xds/stream.h"

namespace pillion::xds {

// A control plane, as the log names it where it is asked for resources of `kind`: "ads:istiod", "cds:istiod".
std::string NameOf(const config::ApiSource& source, Kind kind);

class Planes {
 public:
  struct Surroundings {
    client::GrpcCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    envoy::config::core::v3::Node node;  // as control planes are told who asks
    std::function<std::optional<client::Target>(const std::string& cluster)> host_of;  // nothing: it has none now
    Log log;
    uint64_t seed;
    std::vector<Journal*> journals = {};
    Fallback* fallback = nullptr;     // may be null
    std::optional<Files> files = {};  // nothing: no source is a file
    client::HttpCaller* rest = nullptr;  // null: none is asked by REST; goes with `files`
  };

  // As long as one lives, streams are not told what is wanted otherwise than before; then they are, in one request for each
  // type. So it is by itself while an answer is taken, whichever source that is of. It outlives no Planes.
  class Batch {
   public:
    explicit Batch(Planes& planes);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    Planes& planes_;
  };

  // What is given in `surroundings` outlives it.
  explicit Planes(Surroundings surroundings);
  ~Planes();
  Planes(const Planes&) = delete;
  Planes& operator=(const Planes&) = delete;

  // The resources of a kind that are wanted by name; `source` is no agent.
  NamedResources& Named(const config::ConfigSource& source, Kind kind);
  // All of a kind are wanted: once for each source. Both outlive this. What a file has was given to the watcher when it
  // returns.
  TypeSubscription& All(const config::ConfigSource& source, Kind kind, SubscriptionStats& stats, TypeWatcher& watcher);

  // What is asked for by streams, of all sources, and what was taken of it.
  using VisitStreamed = std::function<void(const config::ApiSource& source, Kind kind, const TypeProtocol& protocol)>;
  void ForEachStreamed(const VisitStreamed& visit) const;
  // What was taken, of all sources.
  void ForEachHeld(Kind kind, const std::function<void(const ResourceId& id, const Holdings::Held& held)>& visit) const;
  // What comes from within the process, as TypeProtocol says; nobody subscribes to it: nothing. Not from within a watcher or
  // the journal.
  std::vector<Refusal> Put(const config::ConfigSource& source, Kind kind, std::vector<Resource> resources,
                           const std::vector<std::string>& removed);
  // As TypeProtocol has it.
  void NoteRefused(const ResourceId& id, const std::string& details, const std::string& version,
                   std::shared_ptr<const google::protobuf::Any> body);
  // What control planes are told of this process from the next stream on, in node.metadata.
  void SetNodeMetadata(const std::string& name, const std::vector<std::pair<std::string, std::string>>& fields);
  // The last of a name was refused.
  void ForEachRefused(Kind kind,
                      const std::function<void(const std::string& name, const Refused::Entry& entry)>& visit) const;

  // Control planes are asked, also those that are named later.
  void Start();

  ControlPlaneStats& control_plane_stats();

 private:
  // What one kind of a plane has to say to the journals.
  class Page;
  // Between a source and who wants something of it.
  class Gate;
  struct Plane {
    config::ConfigSource source;
    std::optional<Kind> only;  // nothing: it is for all
    std::vector<std::unique_ptr<Page>> pages;
    std::vector<std::unique_ptr<Gate>> gates;
    std::unique_ptr<Stream> stream;                // null: there is none
    std::unique_ptr<FetchedSubscription> fetched;  // null: it has a stream
    std::vector<std::pair<Kind, std::unique_ptr<NamedResources>>> named;
    std::vector<std::pair<Kind, TypeSubscription*>> subscriptions;  // of all
  };

  Plane& PlaneOf(const config::ConfigSource& source, Kind kind);
  std::unique_ptr<Stream> MakeStream(Plane& plane, const config::ApiSource& source, Kind kind);
  std::unique_ptr<FetchedSubscription> MakeFetched(const config::ConfigSource& source, Kind kind,
                                                   TypeSubscription::Options options, TypeWatcher& watcher);
  std::function<std::optional<client::Target>()> TargetOf(const config::ApiSource& source,
                                                          const std::string& authority) const;
  TypeSubscription& Subscribe(Plane& plane, Kind kind, TypeSubscription::Options options, TypeWatcher& watcher);
  // Null: nobody subscribes to it.
  TypeSubscription* Find(const config::ConfigSource& source, Kind kind) const;
  // True: something was put.
  bool Restore(Plane& plane);
  // Null: there are none.
  Page* AddPage(Plane& plane, Kind kind) const;

  Surroundings with_;
  base::Random random_;
  std::optional<ControlPlaneStats> stats_;  // where there is a stream to a control plane or an agent
  std::vector<std::unique_ptr<Plane>> planes_;
  bool started_ = false;
  int batches_ = 0;
  std::vector<std::unique_ptr<Stream::Batch>> held_;  // one for each stream, as long as there is a batch
};

}  // namespace pillion::xds
