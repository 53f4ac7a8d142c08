#include "source/explain/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "source/explain/connection.h"
#include "source/explain/hosts.h"
#include "source/explain/request.h"
#include "source/explain/texts.h"

namespace pillion::explain {
namespace {

std::string ExplainTcp(const Question& question, const Running& running, const Connection& connection,
                       const config::TcpProxy& proxy, Answer& answer) {
  bool by_name = false;
  for (const config::NetworkFilter& filter : connection.chain->config().filters) {
    by_name = by_name || std::holds_alternative<config::SniCluster>(filter);
  }
  by_name = by_name && !connection.access.server_name.empty();
  uint64_t total = 0;
  for (const config::TcpProxy::WeightedCluster& cluster : proxy.clusters) total += cluster.weight;
  std::string line;
  Answer::List& shown = answer.Elements("clusters");
  const auto describe = [&](const std::string& name, const std::string& share, const config::LbCriteria& criteria) {
    Answer& object = shown.Object();
    object.Text("share", share);
    object.Text("cluster", name);
    const upstream::Cluster* const cluster = running.cluster(name);
    std::string endpoint = "there is none of that name: the connection is closed";
    const auto warming = running.warming_clusters.find(name);
    if (cluster == nullptr && warming != running.warming_clusters.end()) {
      endpoint = "it is warming: the connection is closed";
      DescribeWarming("waits_for", warming->second, object);
    }
    if (cluster != nullptr) {
      const std::string meant = question.destination ? question.destination->text() : "";
      const Wanted wanted{.criteria = criteria.view(), .hash = {}, .lane = {}, .original_destination = meant};
      endpoint = DescribeHosts(*cluster, wanted, running, object.Object("load_balancing"))
                     .value_or("no healthy upstream: the connection is closed");
    }
    object.Text("endpoint", endpoint);
    const bool only = by_name || proxy.clusters.size() == 1;
    line += fmt::format("{}{}cluster {}: {}", line.empty() ? "" : "; ", only ? "" : share + " to ", Quoted(name), endpoint);
  };
  if (by_name) {
    describe(connection.access.server_name, "100 %", proxy.lb_criteria);
    return line;
  }
  for (const config::TcpProxy::WeightedCluster& cluster : proxy.clusters) {
    describe(cluster.name, PercentText(cluster.weight, static_cast<double>(total)), cluster.lb_criteria);
  }
  return line;
}

std::string ExplainChain(const Question& question, const Running& running, Connection& connection, Answer& answer) {
  const auto& terminal = connection.chain->terminal();
  if (const auto* manager = std::get_if<proxy::ConnectionManager>(&terminal)) {
    return ExplainRequest(question, running, connection, *manager, answer);
  }
  if (std::holds_alternative<proxy::TcpProxy>(terminal)) {
    const auto& config = std::get<config::TcpProxy>(connection.chain->config().terminal);
    return ExplainTcp(question, running, connection, config, answer.Object("tcp_proxy"));
  }
  return "sent back: the filter chain ends in echo";
}

}  // namespace

absl::StatusOr<Answer> Explain(const Question& question, const Running& running) {
  Answer answer;
  const auto warming = running.warming.find(question.listener);
  const bool serves = std::ranges::any_of(
      running.listeners, [&](const Running::Listener& each) { return each.listener->config().name == question.listener; });
  if (warming != running.warming.end() && !serves) {
    answer.Text("result", fmt::format("nothing takes the connection: listener {} is warming", Quoted(question.listener)));
    DescribeWarming("waits_for", warming->second, answer);
    return answer;
  }
  Answer details;
  absl::StatusOr<Connection> connection = ExplainConnection(question, running, details);
  if (!connection.ok()) return connection.status();
  std::string line;
  if (connection->chain != nullptr) line = ExplainChain(question, running, *connection, details);
  if (!connection->end.empty()) line = "the connection is closed: " + connection->end;
  answer.Text("result", line);
  answer.Append(std::move(details));
  return answer;
}

}  // namespace pillion::explain
