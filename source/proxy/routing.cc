#include "source/proxy/routing.h"

#include "absl/strings/numbers.h"
#include "source/config/route.h"
#include "source/route/header_edits.h"
#include "source/route/rewrite.h"

namespace pillion::proxy {
namespace {

using http::HeaderId;

event::Kept<upstream::ClusterShard> Keep(upstream::ClusterShard* cluster) {
  return event::Kept<upstream::ClusterShard>(cluster);
}

void ReplaceHost(std::string_view host, const config::RouteAction& action, bool keep_original, http::RequestHead& head) {
  const std::string_view before = head.authority;
  if (keep_original) head.headers.Set(HeaderId::kXEnvoyOriginalHost, before);
  if (action.append_x_forwarded_host && !before.empty()) {
    base::ArenaText hosts;
    const std::string_view earlier = head.headers.Get(HeaderId::kXForwardedHost);
    hosts.Append(head.headers.arena(), earlier);
    if (!earlier.empty()) hosts.Append(head.headers.arena(), ",");
    hosts.Append(head.headers.arena(), before);
    head.headers.Set(HeaderId::kXForwardedHost, hosts.view());
  }
  head.authority = host;
}

// The edits of all levels, those of the choice at the end where it is most specific.
template <typename F>
void ForEachLevel(const route::Entry& entry, const std::vector<const config::HeaderEdits*>& levels,
                  const config::HeaderEdits* own, F&& apply) {
  if (own != nullptr && !entry.more->choice_edits_last) apply(*own);
  for (const config::HeaderEdits* level : levels) apply(*level);
  if (own != nullptr && entry.more->choice_edits_last) apply(*own);
}

}  // namespace

const config::WeightedClusters::Choice& ChooseWeighted(const config::WeightedClusters& clusters,
                                                       const http::RequestHead& head, uint64_t random) {
  // The lower half of the number may have decided that this route is taken at all.
  uint64_t number = random >> 32;
  if (clusters.number_header) {
    const std::string_view text = clusters.number_header->First(head).value_or("");
    uint64_t given = 0;
    if (absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &given)) number = given;
  }
  uint64_t left = number % clusters.total_weight;
  const config::WeightedClusters::Choice* chosen = clusters.choices.data();
  while (left >= chosen->weight) left -= (chosen++)->weight;
  return *chosen;
}

Destination ChooseDestination(const route::Entry& entry, const http::RequestHead& head, uint64_t random,
                              WorkerContext& context) {
  Destination destination;
  const auto use = [&](const auto& cluster, size_t index) {
    if (const auto* name = std::get_if<std::string>(&cluster)) {
      destination.cluster_name = *name;
      destination.cluster = Keep(context.FindCluster(entry.more->choice_clusters[index]));
    } else if (const auto* header = std::get_if<config::ClusterHeader>(&cluster)) {
      destination.cluster_name = header->First(head).value_or("");
      destination.cluster = Keep(context.FindCluster(destination.cluster_name));
    }
  };
  if (entry.Has(route::Entry::kOneCluster)) {
    destination.cluster = Keep(context.FindCluster(entry.cluster));
    // The same name, but where many routes are asked in turn, the cluster's is more likely to be in a cache.
    destination.cluster_name = destination.cluster ? std::string_view(destination.cluster->config().name)
                                                       : std::get<std::string>(entry.forward->cluster);
    return destination;
  }
  const auto* weighted = std::get_if<config::WeightedClusters>(&entry.forward->cluster);
  if (weighted == nullptr) {
    use(entry.forward->cluster, 0);
    return destination;
  }
  destination.choice = &ChooseWeighted(*weighted, head, random);
  use(destination.choice->cluster, static_cast<size_t>(destination.choice - weighted->choices.data()));
  return destination;
}

bool EditsRequest(const route::Entry& entry, const Destination& destination) {
  return entry.Has(route::Entry::kEditsRequest) ||
         (destination.choice != nullptr && !destination.choice->headers.request.empty());
}

bool EditsResponse(const route::Entry& entry, const Destination& destination) {
  return entry.Has(route::Entry::kEditsResponse) ||
         (destination.choice != nullptr && !destination.choice->headers.response.empty());
}

void EditRequest(const route::Entry& entry, const Destination& destination, const telemetry::RequestRecord& record,
                 bool keep_original, http::RequestHead& head) {
  const config::WeightedClusters::Choice* const choice = destination.choice;
  if (entry.more == nullptr) return;
  const config::RouteAction& action = *entry.forward;
  ForEachLevel(entry, entry.more->request_edits, choice == nullptr ? nullptr : &choice->headers.request,
               [&](const config::HeaderEdits& edits) { route::ApplyHeaderEdits(edits, record, head.headers); });
  std::optional<std::string_view> host = route::RewrittenHost(action.host_rewrite, record, head);
  if (!host && choice != nullptr && choice->host_rewrite) host = *choice->host_rewrite;
  if (host) ReplaceHost(*host, action, keep_original, head);
  if (!std::holds_alternative<std::monostate>(action.path_rewrite) && !head.path.empty()) {
    const std::string_view path = route::RewrittenPath(action.path_rewrite, entry.route->match, record, head);
    if (keep_original) head.headers.Set(HeaderId::kXEnvoyOriginalPath, head.path);
    head.path = path;
  }
}

bool UseEndpointHost(const route::Entry& entry, std::string_view hostname, bool keep_original, bool replaced,
                     http::RequestHead& head) {
  if (hostname.empty() || !entry.Has(route::Entry::kUsesEndpointHost)) return false;
  if (replaced) {
    head.authority = hostname;
  } else {
    ReplaceHost(hostname, *entry.forward, keep_original, head);
  }
  return true;
}

void EditResponse(const route::Entry& entry, const Destination& destination, const telemetry::RequestRecord& record,
                  http::ResponseHead& head) {
  if (entry.more == nullptr) return;
  const config::WeightedClusters::Choice* const choice = destination.choice;
  ForEachLevel(entry, entry.more->response_edits, choice == nullptr ? nullptr : &choice->headers.response,
               [&](const config::HeaderEdits& edits) { route::ApplyHeaderEdits(edits, record, head.headers); });
}

}  // namespace pillion::proxy
