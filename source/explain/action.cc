#include "source/explain/action.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "source/config/describe_listener.h"
#include "source/config/route.h"
#include "source/config/route_overrides.h"
#include "source/explain/hosts.h"
#include "source/explain/texts.h"
#include "source/proxy/request_hash.h"
#include "source/proxy/request_terms.h"
#include "source/proxy/routing.h"

namespace pillion::explain {
namespace {

using Choice = config::WeightedClusters::Choice;

// Where no cluster of that name serves: it is answered so, whether it warms or there is none.
std::string DescribeMissing(const config::RouteAction& action, const std::string& name, const Running& running,
                            Answer& answer) {
  const auto warming = running.warming_clusters.find(name);
  const bool warms = warming != running.warming_clusters.end();
  const std::string why = warms ? "cluster " + Quoted(name) + " is warming" : "there is no cluster " + Quoted(name);
  std::string status = fmt::format("{}: {}", action.cluster_not_found_status, why);
  answer.Text("answer", status);
  if (warms) DescribeWarming("waits_for", warming->second, answer);
  return status;
}

void DescribeRetries(const proxy::RequestTerms& terms, Answer& answer) {
  if (terms.retry_on == 0) return answer.Text("retries", "none");
  Answer& shown = answer.Object("retries");
  shown.Text("on", RetryOnText(terms.retry_on));
  shown.Number("most", terms.num_retries);
  shown.Text("per_try_timeout", DurationText(terms.per_try_timeout));
  if (terms.per_try_idle_timeout > base::Duration::zero()) {
    shown.Text("per_try_idle_timeout", DurationText(terms.per_try_idle_timeout));
  }
  if (terms.policy == nullptr) return;
  shown.Text("back_off", fmt::format("{} to {}", DurationText(terms.policy->back_off_base),
                                     DurationText(terms.policy->back_off_max)));
  if (!terms.policy->retriable_status_codes.empty()) {
    Answer::List& codes = shown.Elements("status_codes");
    for (const uint16_t code : terms.policy->retriable_status_codes) codes.Text(std::to_string(code));
  }
  if (terms.policy->avoid_previous_hosts) shown.Flag("avoids_previous_hosts", true);
}

void DescribeTerms(const route::Entry& entry, const config::HttpConnectionManager& manager,
                   const proxy::RequestTerms& terms, Answer& answer) {
  const config::RouteAction& action = *entry.forward;
  answer.Text("timeout", DurationText(terms.timeout));
  answer.Text("idle_timeout", DurationText(action.idle_timeout.value_or(manager.stream_idle_timeout)));
  const std::optional<base::Duration>& limit = action.max_stream_duration.limit;
  const base::Duration longest = limit.value_or(manager.options.max_stream_duration);
  if (longest > base::Duration::zero()) answer.Text("max_stream_duration", DurationText(longest));
  DescribeRetries(terms, answer);
}

// What texts with operators may ask for, as far as it is known before an endpoint is.
telemetry::RequestRecord RecordOf(const route::Entry& entry, const http::RequestHead& head,
                                  const proxy::ConnectionManager& manager, std::string_view from, std::string_view to,
                                  std::string_view cluster) {
  telemetry::RequestRecord record;
  record.request = &head;
  record.protocol = head.version;
  record.downstream_remote_address = record.downstream_direct_remote_address = from;
  record.downstream_local_address = record.downstream_direct_local_address = to;
  record.route_name = entry.route->name;
  record.upstream_cluster = cluster;
  record.filter_chain_name = manager.chain_name();
  config::DescribeListener(manager.listener(), record);
  record.filter_chain_metadata = config::ValueOf(manager.chain().metadata);
  record.virtual_host_name = entry.virtual_host->name;
  record.virtual_host_metadata = config::ValueOf(entry.virtual_host->metadata);
  record.route_metadata = config::ValueOf(entry.route->metadata);
  return record;
}

std::optional<uint64_t> HashOf(const route::Entry& entry, const config::Cluster& cluster, const Arrived& arrived,
                               std::string_view ip, std::string_view from, std::string_view to) {
  const config::RouteOverrides* const overrides = cluster.http.route_overrides.get();
  const bool by_cluster = overrides != nullptr && !overrides->hash_policies.empty();
  const std::vector<config::HashPolicy>& policies = by_cluster ? overrides->hash_policies : entry.forward->hash_policies;
  if (policies.empty()) return std::nullopt;
  http::HeaderMap cookies(arrived.head->headers.arena());
  return proxy::HashOf(policies, *arrived.head,
                       {.ip = arrived.requester.ip.empty() ? ip : arrived.requester.ip, .peer = from, .local = to}, cookies);
}

std::string OriginalDestination(const config::Cluster& cluster, const Question& question, const http::RequestHead& head) {
  std::optional<net::Address> meant = question.destination;
  if (!cluster.original_dst.header.empty()) {
    const http::HeaderField* const field = head.headers.Find(cluster.original_dst.header);
    if (field != nullptr) meant = net::Address::IpAndPort(field->value());
  }
  if (!meant) return "";
  if (!cluster.original_dst.port) return meant->text();
  return net::Address::Ip(meant->ip(), *cluster.original_dst.port)->text();
}

void DescribeHead(const route::Entry& entry, const http::RequestHead& before, const http::RequestHead& head,
                  Answer& answer) {
  answer.Text("path", std::string(head.path));
  if (before.path != head.path) answer.Text("path_before", std::string(before.path));
  const bool of_endpoint = entry.Has(route::Entry::kUsesEndpointHost);
  answer.Text("host", of_endpoint ? "that of the endpoint, where it has a name; else " + std::string(head.authority)
                                  : std::string(head.authority));
  if (before.authority != head.authority) answer.Text("host_before", std::string(before.authority));
}

// One cluster: what goes there, and to which endpoint.
std::string DescribeOne(const route::Entry& entry, const Choice* choice, const std::string& name,
                        const ActionContext& context, Answer& answer) {
  answer.Text("cluster", name);
  const upstream::Cluster* const cluster = context.running.cluster(name);
  if (cluster == nullptr) return DescribeMissing(*entry.forward, name, context.running, answer);
  const config::HttpConnectionManager& manager = context.manager.config();
  const std::string from = context.connection.transport->remote_address().text();
  const std::string to = context.connection.transport->local_address().text();
  const Arrived before = context.arrive();
  const Arrived arrived = context.arrive();
  // In the order in which requests have it: the hash is of the request as it came.
  const std::optional<uint64_t> hash =
      HashOf(entry, cluster->config(), arrived, context.connection.transport->remote_address().ip(), from, to);
  const proxy::RequestTerms terms = proxy::TermsOf(entry, &cluster->config(), *arrived.head);
  proxy::Destination destination;
  destination.cluster_name = name;
  destination.choice = choice;
  proxy::EditRequest(entry, destination, RecordOf(entry, *arrived.head, context.manager, from, to, name),
                     !manager.router.suppress_envoy_headers, *arrived.head);
  DescribeHead(entry, *before.head, *arrived.head, answer);
  DescribeTerms(entry, manager, terms, answer);
  const config::LbCriteria& criteria = choice != nullptr ? choice->lb_criteria : entry.forward->lb_criteria;
  Answer& hosts = answer.Object("load_balancing");
  std::vector<upstream::Label> colour;
  for (const auto& [key, value] : context.question.colour) colour.push_back({key, value});
  const std::optional<std::string> endpoint =
      DescribeHosts(*cluster,
                    {.criteria = criteria.view(),
                     .hash = hash,
                     .lane = colour.empty() ? context.lane : upstream::LaneWish{.labels = colour},
                     .original_destination = OriginalDestination(cluster->config(), context.question, *arrived.head)},
                    context.running, hosts);
  answer.Text("endpoint", endpoint.value_or("none"));
  if (!endpoint) return fmt::format("503: no healthy upstream in cluster {}", Quoted(name));
  return fmt::format("cluster {}: {}", Quoted(name), *endpoint);
}

template <typename Cluster>
std::string NameOf(const Cluster& cluster, const http::RequestHead& head) {
  if (const auto* name = std::get_if<std::string>(&cluster)) return *name;
  return std::string(std::get<config::ClusterHeader>(cluster).First(head).value_or(""));
}

std::string DescribeWeighted(const route::Entry& entry, const config::WeightedClusters& weighted,
                             const ActionContext& context, Answer& answer) {
  const Arrived arrived = context.arrive();
  const bool decided = context.question.random || (weighted.number_header && weighted.number_header->First(*arrived.head));
  const Choice* const chosen =
      decided ? &proxy::ChooseWeighted(weighted, *arrived.head, context.question.random.value_or(0)) : nullptr;
  std::string line;
  Answer::List& shown = answer.Elements("clusters");
  for (const Choice& choice : weighted.choices) {
    Answer& object = shown.Object();
    const std::string share = PercentText(choice.weight, weighted.total_weight);
    object.Text("share", share);
    if (&choice == chosen) object.Flag("chosen", true);
    const std::string one = DescribeOne(entry, &choice, NameOf(choice.cluster, *arrived.head), context, object);
    if (&choice == chosen) line = one;
    if (chosen == nullptr && choice.weight > 0) line += fmt::format("{}{} to {}", line.empty() ? "" : "; ", share, one);
  }
  return line;
}

void DescribeMirrors(const route::Entry& entry, Answer& answer) {
  Answer::List& mirrors = answer.Elements("copies_to");
  if (!entry.Has(route::Entry::kMirrors)) return;
  for (const config::MirrorPolicy& policy : entry.more->mirrors) {
    const auto* const name = std::get_if<std::string>(&policy.cluster);
    const auto* const field = std::get_if<http::FieldName>(&policy.cluster);
    std::string text = name != nullptr ? "cluster " + *name : "the cluster that header " + field->text() + " names";
    if (policy.fraction) {
      const match::Fraction fraction = policy.fraction->Now();
      text += ", " + PercentText(fraction.numerator, fraction.denominator);
    }
    mirrors.Text(text);
  }
}

}  // namespace

std::string DescribeForward(const route::Entry& entry, const ActionContext& context, Answer& answer) {
  DescribeMirrors(entry, answer);
  const config::RouteAction& action = *entry.forward;
  if (const auto* weighted = std::get_if<config::WeightedClusters>(&action.cluster)) {
    return DescribeWeighted(entry, *weighted, context, answer);
  }
  const std::string name = std::holds_alternative<std::string>(action.cluster)
                               ? std::get<std::string>(action.cluster)
                               : NameOf(std::variant<std::string, config::ClusterHeader>(
                                            std::get<config::ClusterHeader>(action.cluster)),
                                        *context.arrive().head);
  return DescribeOne(entry, nullptr, name, context, answer);
}

}  // namespace pillion::explain
