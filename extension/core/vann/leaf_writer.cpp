// A cluster is begun only where half of a batch's memory is left for it, so that rows that do not fit are
// divided where it is full, not where others have left little.
#include "core/vann/leaf_writer.hpp"

#include <algorithm>
#include <cstring>

namespace soup::vann {
namespace {

/// Enough that no thread waits long for the others; and so few that their rows stay in the processor's cache.
constexpr std::size_t clusters_a_batch = 32;

} // namespace

LeafWriter::LeafWriter(tree::PageStore& store, const VannGeometry& geometry, const Limits& limits,
                       const KmeansOptions& kmeans)
    : store_(store), layout_(geometry.layout()), limits_(limits),
      points_max_(std::max<std::size_t>(limits.memory_bytes / batches_.size() /
                                            (stored_dims(layout_) * sizeof(float)),
                                        std::size_t{4} * layout_.leaf.capacity)),
      pending_(layout_), inner_(store, geometry, limits.memory_bytes, kmeans), thread_options_(kmeans),
      trainers_(limits.trainers, kmeans.check_interrupts) {
    thread_options_.check_interrupts = [this] { trainers_.check(); };
    make_ = [this](std::size_t i) {
        trainers_.check();
        Cluster& cluster = *making_->clusters[i];
        cluster.leaves.make(cluster.slots, limits_.leaf_target, thread_options_);
    };
    open_cluster();
}

void LeafWriter::open_cluster() {
    if (gathering_->ended == gathering_->clusters.size())
        gathering_->clusters.push_back(std::make_unique<Cluster>(layout_));
}

void LeafWriter::add(const StoredRow& row, bool is_apart) {
    gathering_->open().rows.add(row, is_apart);
    if (gathering_->points + points() >= points_max_) end_cluster();
}

void LeafWriter::end_cluster() {
    if (points() == 0) return;
    gathering_->points += points();
    gathering_->ended++;
    if (gathering_->ended == clusters_a_batch || gathering_->points >= points_max_ / 2) hand_over();
    open_cluster();
}

void LeafWriter::hand_over() {
    trainers_.end();
    std::swap(gathering_, making_);
    for (std::size_t i = 0; i < making_->ended; i++)
        making_->clusters[i]->slots = making_->clusters[i]->rows.make_slots(store_);
    trainers_.begin(making_->ended, make_);
    write(*gathering_);
}

void LeafWriter::write(Batch& batch) {
    store_.check_interrupts();
    for (std::size_t i = 0; i < batch.ended; i++) {
        for (LeafDraft& draft : batch.clusters[i]->leaves.drafts()) {
            write_pending();
            std::swap(draft, pending_);
            made_++;
        }
        batch.clusters[i]->rows.clear();
    }
    batch.ended = batch.points = 0;
}

void LeafWriter::write_pending() {
    if (made_ == leaves_) return;
    const tree::Page page = store_.allocate();
    pending_.write_details(store_, page.block());
    tree::Change change(store_);
    std::memcpy(tree::body(change.initialise(page, tree::PageKind::leaf, 0)), pending_.body(),
                tree::body_bytes);
    change.commit();
    inner_.add_leaf(page.block(), pending_.centroid());
    leaves_++;
}

void LeafWriter::write_root() {
    const tree::Page root = store_.lock(tree::root_block, tree::Lock::exclusive);
    pending_.write_details(store_, root.block());
    tree::Change change(store_);
    std::memcpy(tree::body(change.edit(root)), pending_.body(), tree::body_bytes);
    change.commit();
}

void LeafWriter::finish() {
    end_cluster();
    hand_over();
    hand_over();
    if (made_ == 1) return write_root();
    if (made_ == 0) return;
    write_pending();
    inner_.finish();
}

} // namespace soup::vann
