// Assignments that come while the process runs. What is equal to the version before is taken over without being parsed: an
// endpoint that changes among thousands costs little more than a look at the bytes of the others.

#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "source/config/build.h"
#include "source/config/judge_resource.h"
#include "source/config/text.h"
#include "source/config/wire.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::endpoint::v3;

constexpr uint32_t kGroups = v3::ClusterLoadAssignment::kEndpointsFieldNumber;
constexpr uint32_t kEndpoints = v3::LocalityLbEndpoints::kLbEndpointsFieldNumber;

// A version that was taken before, taken apart as the new one is.
class EarlierAssignment {
 public:
  struct Group {
    SplitMessage split;
    size_t first = 0;  // of the assignment's endpoints
    std::optional<EqualElements> equal;
  };

  // None, where nothing can be shared. `rest` is what the new one has beside its groups: endpoints may refer to that.
  static std::unique_ptr<EarlierAssignment> Make(const Earlier<Assignment>& earlier, std::string_view rest) {
    if (earlier.resource == nullptr || earlier.part == nullptr) return nullptr;
    const std::optional<SplitMessage> split = SplitElements(earlier.resource->value(), kGroups);
    if (!split || split->rest != rest) return nullptr;
    auto made = std::make_unique<EarlierAssignment>();
    size_t endpoints = 0;
    made->groups_.reserve(split->elements.size());  // they are pointed to
    for (const std::string_view bytes : split->elements) {
      std::optional<SplitMessage> group = SplitElements(bytes, kEndpoints);
      if (!group) return nullptr;
      const size_t count = group->elements.size();
      Group& added = made->groups_.emplace_back(Group{*std::move(group), endpoints, std::nullopt});
      added.equal.emplace(added.split.elements);
      endpoints += count;
    }
    if (endpoints != earlier.part->endpoints.size()) return nullptr;
    return made;
  }

  // The group that is equal but for its endpoints; null: there is none. That at the same place, where they are several.
  Group* Find(size_t place, std::string_view rest) {
    if (place < groups_.size() && groups_[place].split.rest == rest) return &groups_[place];
    for (Group& group : groups_) {
      if (group.split.rest == rest) return &group;
    }
    return nullptr;
  }

 private:
  std::vector<Group> groups_;
};

class AssignmentBuilder {
 public:
  explicit AssignmentBuilder(Parts& parts) : parts_(parts) {}

  std::shared_ptr<const Assignment> Build(const google::protobuf::Any& resource, const Earlier<Assignment>& earlier) {
    const std::optional<SplitMessage> split = SplitElements(resource.value(), kGroups);
    if (!split) {
      parts_.errors().Add("", "bytes that are no envoy.config.endpoint.v3.ClusterLoadAssignment");
      return nullptr;
    }
    const auto assignment = std::make_shared<Assignment>();
    parts_.Take(split->rest, "", from_,
                [&](BuildContext& context) { BuildAssignmentPolicy(context, from_, "", *assignment); });
    const std::unique_ptr<EarlierAssignment> before = EarlierAssignment::Make(earlier, split->rest);
    std::set<uint32_t> priorities;
    for (size_t g = 0; g < split->elements.size(); ++g) {
      BuildGroup(split->elements[g], g, before.get(), earlier.part.get(), priorities, *assignment);
    }
    CheckGroups(*assignment, priorities, true, "", parts_.errors());
    return assignment;
  }

 private:
  void BuildGroup(std::string_view bytes, size_t place, EarlierAssignment* before, const Assignment* earlier,
                  std::set<uint32_t>& priorities, Assignment& to) {
    const std::string path = ElementPath("endpoints", place);
    const std::optional<SplitMessage> split = SplitElements(bytes, kEndpoints);
    if (!split) return parts_.errors().Add(path, "bytes that are no envoy.config.endpoint.v3.LocalityLbEndpoints");
    v3::LocalityLbEndpoints group;
    std::shared_ptr<const Metadata> metadata;
    bool good = false;
    parts_.Take(split->rest, path, group, [&](BuildContext&) {
      metadata = BuildMetadata(group.metadata());
      good = true;
    });
    if (!good) return;
    priorities.insert(group.priority());
    EarlierAssignment::Group* const was = before == nullptr ? nullptr : before->Find(place, split->rest);
    for (size_t e = 0; e < split->elements.size(); ++e) {
      const std::optional<size_t> same = was == nullptr ? std::nullopt : was->equal->Find(split->elements[e]);
      if (same) {
        to.endpoints.push_back(earlier->endpoints[was->first + *same]);
        continue;
      }
      const std::string at = ElementPath(FieldPath(path, "lb_endpoints"), e);
      v3::LbEndpoint endpoint;
      parts_.Take(split->elements[e], at, endpoint, [&](BuildContext& context) {
        to.endpoints.push_back(BuildEndpoint(context, from_, group, endpoint, Cluster::Discovery::kEds, "", at));
        to.endpoints.back().locality_metadata = metadata;
      });
    }
  }

  Parts& parts_;
  v3::ClusterLoadAssignment from_;  // without its groups
};

}  // namespace

Judged<Assignment> Resources::BuildAssignment(const google::protobuf::Any& resource,
                                              const Earlier<Assignment>& earlier) const {
  ErrorList errors;
  std::vector<ConfigError> notes;
  std::shared_ptr<const Assignment> assignment;
  if (IsOfType(resource, *v3::ClusterLoadAssignment::descriptor(), errors)) {
    Parts parts(options_.unknown, [this](ErrorList& own) { return MakeContext(own); }, errors, notes);
    assignment = AssignmentBuilder(parts).Build(resource, earlier);
  }
  return Conclude(std::move(assignment), errors, std::move(notes));
}

}  // namespace pillion::config
