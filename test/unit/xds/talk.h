#pragma once

// What is said in xDS, as tests write it and read it.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "source/xds/answer.h"
#include "source/xds/type_watcher.h"

namespace pillion::xds {

using envoy::service::discovery::v3::DeltaDiscoveryRequest;
using envoy::service::discovery::v3::DeltaDiscoveryResponse;
using envoy::service::discovery::v3::DiscoveryRequest;
using envoy::service::discovery::v3::DiscoveryResponse;

inline constexpr char kClusters[] = "envoy.config.cluster.v3.Cluster";
inline constexpr char kEndpoints[] = "envoy.config.endpoint.v3.ClusterLoadAssignment";
inline constexpr char kListeners[] = "envoy.config.listener.v3.Listener";
inline constexpr char kRoutes[] = "envoy.config.route.v3.RouteConfiguration";
inline constexpr char kSecrets[] = "envoy.extensions.transport_sockets.tls.v3.Secret";

inline std::string Url(const std::string& type_name) { return "type.googleapis.com/" + type_name; }

// A resource with a name and a content. Its bytes are those of a Cluster, which any type's may be for who reads names alone.
inline google::protobuf::Any Body(const std::string& type_name, const std::string& name, const std::string& content = "") {
  envoy::config::cluster::v3::Cluster cluster;
  cluster.set_name(name);
  cluster.set_alt_stat_name(content);
  google::protobuf::Any any;
  any.set_type_url(Url(type_name));
  any.set_value(cluster.SerializeAsString());
  return any;
}

inline std::string ContentOf(const google::protobuf::Any& any) {
  envoy::config::cluster::v3::Cluster cluster;
  EXPECT_TRUE(cluster.ParseFromString(any.value()));
  return cluster.alt_stat_name();
}

inline DiscoveryResponse State(const std::string& type_name, const std::string& version, const std::string& nonce,
                               const std::vector<std::string>& names) {
  DiscoveryResponse response;
  response.set_type_url(Url(type_name));
  response.set_version_info(version);
  response.set_nonce(nonce);
  for (const std::string& name : names) *response.add_resources() = Body(type_name, name);
  return response;
}

// `resources`: names and versions.
inline DeltaDiscoveryResponse Delta(const std::string& type_name, const std::string& nonce,
                                    const std::vector<std::pair<std::string, std::string>>& resources,
                                    const std::vector<std::string>& removed = {}) {
  DeltaDiscoveryResponse response;
  response.set_type_url(Url(type_name));
  response.set_system_version_info("s" + nonce);
  response.set_nonce(nonce);
  for (const auto& [name, version] : resources) {
    auto& resource = *response.add_resources();
    resource.set_name(name);
    resource.set_version(version);
    *resource.mutable_resource() = Body(type_name, name, version);
  }
  for (const std::string& name : removed) response.add_removed_resources(name);
  return response;
}

template <typename Message>
Message Parse(const std::string& bytes) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

// A request as one line: "Cluster node V=1 N=n1 [a b] error". A part that is empty is not there.
inline std::string Line(const DiscoveryRequest& request) {
  std::string line = request.type_url().substr(request.type_url().rfind('.') + 1);
  if (request.has_node()) line += " node";
  if (!request.version_info().empty()) line += " V=" + request.version_info();
  if (!request.response_nonce().empty()) line += " N=" + request.response_nonce();
  std::string names;
  for (const std::string& name : request.resource_names()) names += (names.empty() ? "" : " ") + name;
  if (!names.empty()) line += " [" + names + "]";
  if (request.has_error_detail()) line += " error";
  return line;
}

// The same: "Cluster node +a -b {c:1} N=n1 error".
inline std::string Line(const DeltaDiscoveryRequest& request) {
  std::string line = request.type_url().substr(request.type_url().rfind('.') + 1);
  if (request.has_node()) line += " node";
  for (const std::string& name : request.resource_names_subscribe()) line += " +" + name;
  for (const std::string& name : request.resource_names_unsubscribe()) line += " -" + name;
  const std::map<std::string, std::string> versions(request.initial_resource_versions().begin(),
                                                    request.initial_resource_versions().end());
  for (const auto& [name, version] : versions) line += " {" + name + ":" + version + "}";
  if (!request.response_nonce().empty()) line += " N=" + request.response_nonce();
  if (request.has_error_detail()) line += " error";
  return line;
}

// Remembers what it was told as what it holds, by name; refuses what it is told to.
struct Wanter final : TypeWatcher {
  std::vector<Refusal> OnUpdate(const Update& update) override {
    ++updates;
    last = update;
    std::vector<Refusal> refusals;
    for (const Resource& resource : update.resources) {
      envoy::config::cluster::v3::Cluster cluster;
      const bool readable = cluster.ParseFromString(resource.body->value());
      if (!readable || refused.contains(resource.name) || cluster.alt_stat_name().starts_with("bad")) {
        refusals.push_back({resource.name, {"is bad", "and worse"}});
      } else {
        held[resource.name] = resource.version;
        contents[resource.name] = cluster.alt_stat_name();
      }
    }
    for (const std::string& name : update.removed) {
      held.erase(name);
      contents.erase(name);
    }
    if (then) then(update);
    return refusals;
  }
  bool PassesOver(const std::string& name) const override { return passed_over.contains(name); }
  void OnRequest(const std::vector<std::string>& names) override {
    ++requests;
    asked.insert(asked.end(), names.begin(), names.end());
  }
  void OnRefused(const std::vector<std::string>& names) override { refused_early += static_cast<int>(names.size()); }
  void OnFailure() override { ++failures; }

  std::vector<std::string> changed() const {
    std::vector<std::string> names;
    for (const Resource& resource : last.resources) names.push_back(resource.name);
    return names;
  }

  std::set<std::string> refused;
  std::set<std::string> passed_over;
  std::map<std::string, std::string> held;      // name, version
  std::map<std::string, std::string> contents;  // name, content
  std::function<void(const Update&)> then;
  Update last;
  std::vector<std::string> asked;
  int updates = 0, requests = 0, failures = 0;
  int refused_early = 0;  // names
};

}  // namespace pillion::xds
